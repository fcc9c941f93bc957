"""The paper as pure torch: each step of it is a file. Knows no checkpoint file, no WebUI, no `ldm`.

From outside: `Settings`; `SketchEncoder`, `ReferenceEncoder`, `shown_tokens` and `conditioning.encode`, which make a
`Conditioning`; `attach` or `Attachment`, which show it to a U-Net of LDM layout, such as `UNet` itself; `guidance`,
`schedule` and `probe`, which make one prediction of the branches and say what it means. Pictures become its tensors in
`pictures/`.
"""

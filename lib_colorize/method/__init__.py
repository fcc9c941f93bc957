"""The paper as pure torch: each step of it is a file. Knows no checkpoint file, no WebUI, no `ldm`.

From outside: `Settings`; `images`, `lineart`, `framing`, `overlay` for pictures; `SketchEncoder`, `ReferenceEncoder`
and `conditioning.encode`, which make a `Conditioning`; `attach` or `Attachment`, which show it to a U-Net of LDM
layout; `guidance` and `schedule`, which make one prediction of the branches.
"""

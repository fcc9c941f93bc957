"""Pictures, before and after the networks: a file is read, its lines are found and laid on the model's canvas.

From outside: `picture_files.open_image`, `images` (a sketch, a reference, a result as tensors and back), `lineart`,
`canvas`, `framing`, `overlay`, `masks` (where a figure's mask comes from), and `extras`, the pictures of a job beside
its sketch and reference. Knows the settings of `method/` and no U-Net, no checkpoint file, no WebUI; `segmenter/` is a
small network of its own.
"""

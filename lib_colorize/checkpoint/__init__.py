"""Checkpoint files: tell what one is, read, write and convert it. Sizes come from shapes, never from names.

From outside: `identify.identify` and the `kinds` it tells, `read.read`, `write.write`, `convert.convert`,
`report.inspect`; `files.open_tensors` for the tensors themselves and `metadata.ModelCard` for what a file says of
itself. `layout` and `strict` say which keys there should be, and which are not. Imports `method/` alone.
"""

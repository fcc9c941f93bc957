"""Checkpoint files: tell what one is, read, write and convert it. Sizes come from shapes, never from names.

From outside: `identify.identify`, `read.read`, `write.write`, `convert.convert`, `report.inspect`; `files.open_tensors`
for the tensors themselves and `metadata.ModelCard` for what a file says of itself. Imports `method/` alone.
"""

"""What an illustrator takes home: a finished picture at the drawing's own size, its colours in layers.

`ink` says where the lines of a drawing are and of which colour, `areas` which pieces of paper they divide, `snap`
carries colours up to the drawing so that none crosses a line, `layers` takes a picture apart, `layer_files` writes the
layers as PSD, OpenRaster or a folder. Needs no model: any sketch and any coloured picture of it will do.
"""

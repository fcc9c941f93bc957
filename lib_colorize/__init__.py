"""ColorizeDiffusion: colour a sketch from a reference picture. This import is light; torch comes with the parts.

Nine rooms, each with a first file that says what lives there and what may be touched from outside:

    method/      the paper, in pure torch: sketch, reference, conditioning, guidance, attention, schedule
    pictures/    a picture read, its lines on the canvas, a result cut out and drawn over
    finishing/   a finished picture: colours carried up to the sketch's own size, layers, touching up
    checkpoint/  a checkpoint file: tell, read, write, convert
    models/      the model files on a disk: which there are, how they get there
    engine/      U-Net, VAE and samplers, run without a WebUI
    cli/         what is typed: python -m lib_colorize
    hosts/       one colouring job inside somebody else's program; below it the WebUIs
    panel/       what a page shows: widgets, words, presets, the table of models

Imports go downwards only (docs/architecture.md has the order, tests/test_imports.py enforces it).
"""

__version__ = "0.1.0"

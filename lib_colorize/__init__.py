"""ColorizeDiffusion: colour a sketch from a reference picture. This import is light; torch comes with the parts."""

__version__ = "0.1.0"

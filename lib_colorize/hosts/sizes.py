"""The canvas that a sketch gets at the checkpoint's own size, and where the sketch lies on it."""

from __future__ import annotations

from ..method.canvas import Placement, canvas_sizes
from .checkpoints import ColorizeFile
from .settings import JobSettings

PIXELS = 8  # of a picture for one of a latent, in every host


def placement_of(drawing: tuple[int, int], file: ColorizeFile, settings: JobSettings) -> Placement:
    """Canvas at the checkpoint's own size for a sketch of (width, height), and where the sketch lies on it."""
    card = file.usable()
    multiple = PIXELS * 2 ** (len(card.config.unet.channel_mult) - 1)
    (w, h), (width, height) = canvas_sizes(drawing, settings, card.resolution, multiple)
    return Placement((width - w) // 2, (height - h) // 2, w, h, width, height)

"""The sketch's own lines over a result: crisp, at the size of the sketch, as illustrators multiply a line layer."""

from __future__ import annotations

import numpy as np
from PIL import Image
from torch import Tensor

from ..method.settings import Settings
from .canvas import letterbox
from .images import line_drawing, resizing


def overlay_lines(result: Image.Image, sketch: Image.Image, settings: Settings) -> Image.Image:
    """The result, RGB, darkened where the sketch has lines, by `settings.line_overlay` (0 = returned as it is).

    Without a wanted size it is first enlarged to the sketch's own (up to images.WORK_SIDE); with one it keeps that.
    """
    if settings.line_overlay == 0:
        return result
    lines = line_drawing(sketch, settings)  # [1, 3, h, w], +1 on -1
    if settings.width:
        lines, _ = letterbox(lines, settings.height, settings.width, resizing(settings))
    return multiply_lines(result, lines, settings.line_overlay)


def multiply_lines(result: Image.Image, lines: Tensor, strength: float) -> Image.Image:
    """The result, RGB and resized to the lines' size, darkened by them. lines: [1, 3, h, w], +1 on -1."""
    dark = ((lines[0].amax(0).clamp(-1, 1) + 1) / 2).numpy()  # [h, w] in [0, 1]
    size = (dark.shape[1], dark.shape[0])
    colours = result if result.size == size else result.resize(size, Image.Resampling.LANCZOS)
    kept = 1 - strength * dark[..., None]
    return Image.fromarray(np.rint(np.asarray(colours.convert("RGB")) * kept).astype(np.uint8))

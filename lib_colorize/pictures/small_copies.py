"""A picture averaged down to a longer side of at most so many pixels: what most things are looked for in."""

from __future__ import annotations

from PIL import Image


def at_most(image: Image.Image, longest: int, least: int = 1) -> Image.Image:
    """The very picture where it is no larger. least: pixels, either side of the copy."""
    scale = min(1.0, longest / max(image.size))
    size = (max(least, round(image.width * scale)), max(least, round(image.height * scale)))
    return image if image.size == size else image.resize(size, Image.Resampling.BOX, reducing_gap=2.0)

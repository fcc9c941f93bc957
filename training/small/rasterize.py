"""SVG to pixels, by resvg."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image


def rasterize(svg: str, size: int) -> Image.Image:
    """RGBA; the longer side of the drawing is `size` px."""
    import resvg_py

    return Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=svg, width=size, height=size)))).convert("RGBA")


def over(picture: Image.Image, background: str) -> Image.Image:
    """RGBA -> RGB over one colour."""
    canvas = Image.new("RGBA", picture.size, background)
    canvas.alpha_composite(picture)
    return canvas.convert("RGB")


def render(svg: str, size: int, background: str) -> np.ndarray:
    """[size, size, 3] uint8."""
    return np.asarray(over(rasterize(svg, size), background).resize((size, size), Image.Resampling.LANCZOS))

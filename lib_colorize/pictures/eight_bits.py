"""A picture of any mode -> 8 bits a channel: transparency kept, deep grey scaled by what its numbers mean."""

from __future__ import annotations

import numpy as np
from PIL import Image


def to_8bit(image: Image.Image) -> Image.Image:
    """Any mode -> RGB, or RGBA where a pixel is not opaque."""
    if image.mode.startswith(("I", "F")):
        image = _deep_grey(image)
    if image.mode == "La":
        image = image.convert("LA")
    if image.mode in ("RGBA", "RGBa", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        if image.getchannel("A").getextrema() != (255, 255):
            return image
    return image.convert("RGB")


def _deep_grey(image: Image.Image) -> Image.Image:
    """16-bit, 32-bit and float grey -> L, or LA where a PNG names a transparent grey. Pillow itself would clip.

    PNG and PGM are 16 bit; elsewhere the full scale is the smallest of 1 (float only), 255, 65535 and 2**32 - 1
    that holds every value.
    """
    values = np.asarray(image).astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("it holds values that are not numbers")
    sixteen = image.mode.startswith("I;16") or image.format in ("PNG", "PPM")
    scales = [65535.0] if sixteen else [255.0, 65535.0, 2.0**32 - 1]
    if image.mode == "F":
        scales = [1.0, *scales]
    top = float(values.max())
    scale = next((s for s in scales if top <= s), top)
    grey = Image.fromarray(np.rint(values.clip(0) / scale * 255).astype(np.uint8))
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        grey.putalpha(Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8)))
    return grey

"""A picture of any mode -> 8 bits a channel of sRGB: transparency kept, deep grey scaled by what its numbers mean."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from .colour import TOLD, to_srgb
from .png_chunks import Cicp

MAX_PIXELS = 100_000_000  # of four bytes each: what a picture may take in memory
CAME = "came"  # in an image's info: (width, height) of its file, where it was averaged down


def to_8bit(image: Image.Image, cicp: Cicp | None = None) -> Image.Image:
    """Any mode -> RGB, or RGBA where a pixel is not opaque, in sRGB. cicp: see `colour.to_srgb`."""
    if image.mode in ("RGB", "RGBA") and not image.info and cicp is None:
        return image if image.mode == "RGB" else _opaque(image)  # a copy of a scan of 100 MP takes 400 MB
    info, kind = image.info, image.format
    if image.mode.startswith(("I", "F")):
        image = _deep_grey(image)
    came, image = image.size, _within_memory(image)
    if image.mode in ("La", "RGBa"):
        image = image.convert("LA" if image.mode == "La" else "RGBA")
    if image.mode in ("PA", "P", "1") or "transparency" in image.info:
        image = image.convert("RGBA" if image.mode == "PA" or "transparency" in image.info else "RGB")
    image.info, image.format = {**info, **image.info}, kind
    image.info.pop("transparency", None)
    told = to_srgb(image, cicp)
    plain = _opaque(told if told.mode != "LA" else told.convert("RGBA"))
    plain.info = {TOLD: told.info[TOLD]} if TOLD in told.info else {}
    if image.size != came:
        plain.info[CAME] = came
    return plain


def size_that_came(image: Image.Image) -> tuple[int, int]:
    """(width, height) of the file that `to_8bit` made this picture of."""
    came: tuple[int, int] = image.info.get(CAME, image.size)
    return came


def _opaque(image: Image.Image) -> Image.Image:
    """RGB, where RGBA has nothing transparent."""
    if image.mode == "RGBA" and image.getchannel("A").getextrema() != (255, 255):
        return image
    return image.convert("RGB")


def _within_memory(image: Image.Image) -> Image.Image:
    """A bilevel or grey picture averaged down until three channels of it fit."""
    factor = math.ceil(math.sqrt(image.width * image.height / MAX_PIXELS))
    if image.mode not in ("1", "L") or factor < 2:
        return image
    return (image.convert("L") if image.mode == "1" else image).reduce(factor)


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

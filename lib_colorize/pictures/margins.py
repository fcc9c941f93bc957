"""White margins at both sides of a reference, so that it is squashed less, or shown smaller (variants.md section 7)."""

from __future__ import annotations

from dataclasses import replace

from PIL import Image

from .eight_bits import to_8bit
from .extras import Extras


def with_margin(image: Image.Image, scale: float, around: int = 255) -> Image.Image:
    """The picture in the middle of a canvas int(w scale) wide and as high, of this grey: white, or a mask's black.

    A transparent picture gets a transparent margin.
    """
    picture = to_8bit(image)
    width = int(picture.width * scale)
    if width <= picture.width:
        return image
    colour = (around,) * 3 + ((0,) if picture.mode == "RGBA" else ())
    canvas = Image.new(picture.mode, (width, picture.height), colour)
    canvas.paste(picture, ((width - picture.width) // 2, 0))
    return canvas


def with_margins(
    reference: Image.Image | None, extras: Extras, scale: float,
) -> tuple[Image.Image | None, Extras]:
    """Every reference and the background so, and the reference's mask as the reference; 1 = as they are."""
    if scale <= 1:
        return reference, extras
    mask, background = extras.reference_mask, extras.background
    further = tuple(replace(each, image=with_margin(each.image, scale)) for each in extras.further)
    return None if reference is None else with_margin(reference, scale), replace(
        extras, further=further, reference_mask=None if mask is None else with_margin(mask, scale, 0),
        background=None if background is None else with_margin(background, scale))

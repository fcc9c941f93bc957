"""What is behind the figure: a plain colour, or nothing; and a background picture emptied of what is in front."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
from PIL import Image

from ..errors import ColorizeError, shortened
from ..method.mask_settings import Backdrop
from ..method.settings import Settings
from .extras import Extras
from .flattening import over_colour
from .job_masks import reference_mask_tensor
from .masks import FoundMask, reference_mask, sketch_mask
from .reading import shrunk

WHITE = (255, 255, 255)
PLAIN_SIDE = 64  # pixels of a plain background as the networks see it
FRONT = 0.5  # of a mask: from here on a pixel of a background picture is in front


def backdrop_extras(extras: Extras, settings: Settings) -> Extras:
    """The pictures of a job as the networks are shown them: behind a figure that is coloured apart, a plain picture.

    ColorizeError for a colour that is none, and for a background picture beside another choice.
    """
    if settings.backdrop is not Backdrop.AS_GIVEN:
        if extras.background is not None:
            raise ColorizeError(f"a background picture, and the background {settings.backdrop.value!r}; leave the "
                                "picture out, or choose 'as given'")
        colour = backdrop_colour(settings.backdrop_colour)
        if not settings.background_enhance:
            return extras  # made of the result, `cut_out`
        colour = colour if settings.backdrop is Backdrop.PLAIN else WHITE
        return replace(extras, background=Image.new("RGB", (PLAIN_SIDE, PLAIN_SIDE), colour))
    if settings.remove_foreground and extras.background is not None:
        return replace(extras, background=emptied(extras.background))
    return extras


def emptied(background: Image.Image) -> Image.Image:
    """White where something stands in front (variants.md section 7, "Remove foreground"): RGB, at its working size."""
    front = reference_mask_tensor(reference_mask(background))[0, 0].numpy() >= FRONT
    picture = np.array(over_colour(shrunk(background), WHITE).convert("RGB"))
    picture[front] = 255
    return Image.fromarray(picture)


def kept_figure(sketch: Image.Image, extras: Extras, settings: Settings) -> FoundMask | None:
    """The mask of a sketch that something else is put behind, in its own frame.

    None = the result stays as it is. ColorizeError for a mask that does not fit, and for no figure.
    """
    if settings.backdrop is Backdrop.AS_GIVEN:
        return None
    return sketch_mask(sketch, extras.sketch_mask, settings)


def cut_out(result: Image.Image, figure: Image.Image | None) -> Image.Image:
    """result: RGB; figure: its mask, grey, resized to it -> RGBA; as it is where no mask is given."""
    if figure is None:
        return result
    cut = result.convert("RGB")
    cut.putalpha(figure if figure.size == cut.size else figure.resize(cut.size, Image.Resampling.BICUBIC))
    return cut


def on_backdrop(result: Image.Image, settings: Settings) -> Image.Image:
    """A result that is finished but for a plain colour behind what was cut out of it."""
    if settings.backdrop is not Backdrop.PLAIN or result.mode != "RGBA":
        return result
    return over_colour(result, backdrop_colour(settings.backdrop_colour))


def backdrop_colour(text: str) -> tuple[int, int, int]:
    """#rrggbb -> red, green, blue; ColorizeError for another text."""
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        raise ColorizeError(f"background colour: found {shortened(text)}, expected #rrggbb such as #ffffff for white")
    red, green, blue = (int(text[i:i + 2], 16) for i in (1, 3, 5))
    return red, green, blue

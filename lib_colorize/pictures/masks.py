"""Where the mask of a figure comes from: given, the picture's own transparency, its outlines, or the segmenter."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..errors import ColorizeError
from ..method.settings import Settings
from .images import line_drawing
from .mask_canvas import mask_tensor, over_black
from .open_outlines import open_share, with_open_bodies
from .outline import bodied, enclosed
from .reading import shrunk
from .segmenter.segment import segment

CLEAR = 0.01  # of a picture; with less of it transparent it tells no figure
NOTHING, ALL = 16, 239  # a mask with nothing above, or nothing below, marks no figure
BODY = 0.02  # of the picture: clean lines that enclose as much have a figure
OPEN = 0.04  # of a sketch's ink: with less, only details stand open
HOLD = 0.5  # of the segmenter's figure: outlines of another sketch that hold less are open


class MaskSource(enum.Enum):
    """In the order in which they are asked; a picture with colours tells no outlines, line art little else."""

    GIVEN = "given"
    ALPHA = "its own transparency"
    OUTLINE = "its outlines"
    SEGMENTER = "the built-in segmenter"


@dataclass(frozen=True)
class FoundMask:
    """image: grey, white = figure, of its picture's size. open: the share of a sketch's ink that lies outside of it,
    or has nothing of it beside."""

    image: Image.Image
    source: MaskSource
    open: float = 0.0


def reference_mask(reference: Image.Image, given: Image.Image | None = None) -> FoundMask:
    """The figure of a reference, 8 bits RGB or RGBA. ColorizeError for a mask that does not fit, and for no figure."""
    if given is not None:
        return FoundMask(given_mask(given, reference.size, "reference"), MaskSource.GIVEN)
    alpha = _own_alpha(reference)
    if alpha is not None and _marks(alpha):
        return FoundMask(alpha, MaskSource.ALPHA)
    return FoundMask(_segmented(segment(shrunk(reference)), reference.size, "reference"), MaskSource.SEGMENTER)


def sketch_mask(
    sketch: Image.Image, given: Image.Image | None = None, settings: Settings | None = None,
) -> FoundMask:
    """The figure of a sketch, with its lines; as `reference_mask`. settings: how its lines are read.

    Transparent line art is lines alone, so its outlines are filled. The segmenter knows photographs and not lines: of
    a figure in outlines it takes the lines, or a part. So outlines are what counts, unless they are open; of a shaded
    or coloured sketch, whose lines are extracted, only where they hold half of what the segmenter finds.
    """
    if given is not None:
        return FoundMask(given_mask(given, sketch.size, "sketch"), MaskSource.GIVEN)
    told = _own_alpha(sketch)
    if told is not None:
        drawn = mask_tensor(told)[0, 0]
        filled = with_open_bodies(enclosed(drawn.expand(1, 3, -1, -1) * 2 - 1), drawn)
        if bodied(filled):
            return FoundMask(mask_picture(filled, sketch.size), MaskSource.ALPHA, open_share(filled, drawn))
    settings = settings or Settings()
    lines = line_drawing(sketch, settings)
    ink = ((lines[0].amax(0) + 1) / 2).clamp(0, 1)
    filled = with_open_bodies(enclosed(lines), ink)
    found = FoundMask(mask_picture(filled, sketch.size), MaskSource.OUTLINE, open_share(filled, ink))
    body = bodied(filled)
    outlined = _marks(found.image)
    if outlined and settings.extractor == "none" and body >= BODY:
        return found
    figure = segment(shrunk(sketch))
    if outlined and body >= HOLD * bodied(mask_tensor(figure)[0, 0]) > 0:
        return found
    seen = _segmented(figure, sketch.size, "sketch")
    return FoundMask(seen, MaskSource.SEGMENTER, open_share(mask_tensor(seen)[0, 0], ink))


def said(found: FoundMask, what: str) -> str:
    """What a user is told. what: "sketch" or "reference"."""
    return f"mask of the {what}: {found.source.value}" + (f"; {cut_away(found)}" if cut_away(found) else "")


def cut_away(found: FoundMask) -> str:
    """What a user is told where a mask takes lines away that nobody asked to be; "" where it does not."""
    if found.open < OPEN:
        return ""
    return (f"{found.open:.0%} of its lines stand open, and count as background; draw a mask where they belong to the "
            "figure")


def given_mask(mask: Image.Image, size: tuple[int, int], what: str) -> Image.Image:
    """A drawn mask as grey, transparency over black; ColorizeError when it is not of that size or marks nothing."""
    if mask.size != size:
        raise ColorizeError(
            f"the mask of the {what} has {mask.width}x{mask.height} pixels, expected the {what}'s own "
            f"{size[0]}x{size[1]}; draw it over that picture")
    grey = over_black(mask)
    if not _marks(grey):
        low, high = int(np.asarray(grey).min()), int(np.asarray(grey).max())
        colour = "black: nothing is" if high <= NOTHING else "white: all of it is" if low >= ALL else "grey: nothing is"
        raise ColorizeError(f"the mask of the {what} is all {colour} figure; paint the figure white and what is "
                            "behind it black, or leave the mask out")
    return grey


def _marks(mask: Image.Image) -> bool:
    """Whether there is a figure and something behind it."""
    values = np.asarray(mask)
    return int(values.max()) > NOTHING and int(values.min()) < ALL and int(values.max()) - int(values.min()) > NOTHING


def _own_alpha(picture: Image.Image) -> Image.Image | None:
    if picture.mode != "RGBA":
        return None
    alpha = picture.getchannel("A")
    clear = float((np.asarray(alpha) < 128).mean())
    return alpha if clear >= CLEAR else None


def _segmented(figure: Image.Image, size: tuple[int, int], what: str) -> Image.Image:
    """What the segmenter found, at its picture's size (width, height); ColorizeError where that is no figure."""
    found = figure.resize(size, Image.Resampling.BICUBIC)
    if not bodied(mask_tensor(found)[0, 0]) or not _marks(found):
        raise ColorizeError(f"no figure is found in the {what}; draw a mask, white where the figure is")
    return found


def mask_picture(mask: Tensor, size: tuple[int, int]) -> Image.Image:
    """[h, w] in [0, 1] -> grey, of that size (width, height)."""
    image = Image.fromarray((mask * 255).round().to(torch.uint8).numpy())
    return image if image.size == size else image.resize(size, Image.Resampling.BICUBIC)

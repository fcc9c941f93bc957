"""A sketch as long as a web comic's: the windows that it is worked on in, and their pictures joined again."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image

from ..errors import ColorizeError
from ..method.settings import Settings
from .fitting import Box
from .images import line_drawing
from .small_copies import at_most

LONG = 6.0  # times as long as wide: from here on it is a strip
WINDOW = 1.5  # a window's length, in widths of the strip
OVERLAP = 0.25  # of a window, at least, that the next one has too
LOOK = 256  # pixels, the longer side at which an empty window is told


def strip_windows(size: tuple[int, int], settings: Settings) -> tuple[Box, ...]:
    """size: (width, height) of a sketch -> its windows, in its pixels and in order; none where it is no strip.

    None too at a size that is asked for, and where nothing is fitted: yesterday's records know no windows.
    """
    short, long = min(size), max(size)
    if long < LONG * short or settings.width or not settings.fit_drawing:
        return ()
    length = round(WINDOW * short)
    count = math.ceil((long - OVERLAP * length) / ((1 - OVERLAP) * length))
    starts = [round(i * (long - length) / (count - 1)) for i in range(count)]
    upright = size[1] > size[0]
    return tuple((0, start, short, start + length) if upright else (start, 0, start + length, short)
                 for start in starts)


def has_lines(sketch: Image.Image, settings: Settings) -> bool:
    """Whether anything is drawn in a window: strips have gaps between their panels."""
    try:
        line_drawing(at_most(sketch, LOOK, 8), settings.with_(extractor="none"))
    except ColorizeError:
        return False
    return True


def joined(pictures: Sequence[Image.Image | None], windows: Sequence[Box], size: tuple[int, int]) -> Image.Image:
    """The windows' pictures laid over each other, each coming in over what it shares with the one before.

    None = an empty window, paper. size: of the strip; the result has its shape, at the pictures' own resolution.
    ColorizeError when all are empty.
    """
    painted = [picture for picture in pictures if picture is not None]
    if not painted:
        raise ColorizeError("the sketch has no lines in any part of the strip; choose another file")
    first, (left, top, right, bottom) = painted[0], windows[0]
    x, y = first.width / (right - left), first.height / (bottom - top)
    ground = (255, 255, 255, 0) if first.mode == "RGBA" else (255, 255, 255)
    whole = Image.new(first.mode, (round(size[0] * x), round(size[1] * y)), ground)
    end = (0, 0)
    for picture, box in zip(pictures, windows):
        start = (round(box[0] * x), round(box[1] * y))
        inner = (round(box[2] * x) - start[0], round(box[3] * y) - start[1])
        laid = Image.new(first.mode, inner, ground) if picture is None else picture
        laid = laid if laid.size == inner else laid.resize(inner, Image.Resampling.LANCZOS)
        whole.paste(laid, start, _coming_in(inner, end[0] - start[0], end[1] - start[1]))
        end = (start[0] + inner[0], start[1] + inner[1]) if len(windows) else end
    return whole


def _coming_in(size: tuple[int, int], across: int, down: int) -> Image.Image:
    """A mask that grows over the part that is shared with the window before, along the strip."""
    width, height = size
    mask = Image.new("L", size, 255)
    if 0 < down < height:
        mask.paste(Image.linear_gradient("L").resize((width, down), Image.Resampling.BILINEAR), (0, 0))
    elif 0 < across < width:
        ramp = Image.linear_gradient("L").rotate(90).resize((across, height), Image.Resampling.BILINEAR)
        mask.paste(ramp, (0, 0))
    return mask

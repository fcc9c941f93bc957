"""A small drawing on a large page: the place that it takes, and the coloured place put back on its page."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image
from torch import Tensor

from ..method.settings import MAX_SIZE
from .stray_marks import without_stray_marks

Box = tuple[int, int, int, int]  # left, top, right, bottom

LOOK = 512  # pixels, the longer side at which a drawing is looked for
GAIN = 1.6  # times as large, on a side: below it a drawing stays as it lies
MARGIN = 0.14  # of a drawing's longer side, kept around it: as much as the models have seen
LONGEST = 3.0  # sides of what is cut out, the longer over the shorter, where the page allows
CELLS = 32  # along the longer side, in which marks are put together
FADE = 0.5  # of the margin, over which a coloured place becomes paper


@dataclass(frozen=True)
class DrawnPlace:
    """box: the place that a drawing takes. writing: whether writing by the page's edge was left out of it."""

    box: Box
    writing: bool = False


def drawing_on(lines: Tensor, size: tuple[int, int]) -> DrawnPlace | None:
    """lines: [1, 3, h, w], +1 on -1, of a small copy of the page; size: of the page, and of the box that is found.

    None where the drawing takes enough of its page, and where there is none.
    """
    ink = ((lines[0].amax(0).clamp(-1, 1) + 1) / 2).numpy()
    h, w = ink.shape
    found = _inked(ink)
    if found is None:
        return None
    (first, high_up, last, low_down), writing = found
    margin = MARGIN * max(last - first, low_down - high_up)
    wide, high = last - first + 2 * margin, low_down - high_up + 2 * margin
    wide, high = max(wide, high / LONGEST), max(high, wide / LONGEST)
    left, right = _within((first + last) / 2, min(wide, w), w)
    top, bottom = _within((high_up + low_down) / 2, min(high, h), h)
    if w * h < GAIN**2 * (right - left) * (bottom - top):
        return None
    x, y = size[0] / w, size[1] / h
    return DrawnPlace((round(left * x), round(top * y), round(right * x), round(bottom * y)), writing)


def _within(middle: float, length: float, whole: float) -> tuple[float, float]:
    """A piece of that length around the middle, moved into 0 to `whole`."""
    start = min(max(middle - length / 2, 0), whole - length)
    return start, start + length


def _inked(ink: np.ndarray) -> tuple[Box, bool] | None:
    """ink: [h, w] in [0, 1] -> the bounds of what is drawn, without stray marks, and whether some of these were
    writing; None for nothing."""
    drawn = np.where(ink > max(0.08, 0.2 * float(np.quantile(ink, 0.999))), ink, 0)
    if not drawn.any():
        return None
    h, w = drawn.shape
    side = max(1, -(-max(h, w) // CELLS))
    cells = np.add.reduceat(np.add.reduceat(drawn, np.arange(0, h, side), 0), np.arange(0, w, side), 1)
    kept = without_stray_marks(cells)
    drawn = drawn * np.kron(kept.cells, np.ones((side, side)))[:h, :w]
    down, across = np.flatnonzero(drawn.any(1)), np.flatnonzero(drawn.any(0))
    return (int(across[0]), int(down[0]), int(across[-1]) + 1, int(down[-1]) + 1), kept.writing


def on_its_page(result: Image.Image, box: Box, page: tuple[int, int]) -> Image.Image:
    """The coloured place on a page of white paper, at the place's own resolution while no side passes MAX_SIZE.

    box: of the place in a page of size `page`, both in the sketch's pixels. Where paper begins the colours fade, for
    the model colours paper as it likes; a transparent result lies on nothing.
    """
    left, top, right, bottom = box
    scale = min(result.width / (right - left), max(MAX_SIZE / max(page), max(result.size) / max(page)))
    size = (round(page[0] * scale), round(page[1] * scale))
    start = (round(left * scale), round(top * scale))
    end = (min(size[0], round(right * scale)), min(size[1], round(bottom * scale)))
    inner = (end[0] - start[0], end[1] - start[1])
    if result.size != inner:
        result = result.resize(inner, Image.Resampling.LANCZOS)
    clear = result.mode == "RGBA"
    whole = Image.new(result.mode, size, (255, 255, 255, 0) if clear else (255, 255, 255))
    fade = max(1, round(FADE * MARGIN * max(inner)))
    open_sides = (left > 0, top > 0, right < page[0], bottom < page[1])
    whole.paste(result, start, None if clear else _fading(inner, fade, open_sides))
    return whole


def _fading(size: tuple[int, int], width: int, sides: tuple[bool, bool, bool, bool]) -> Image.Image:
    """A mask, 255 within and less towards those sides (left, top, right, bottom)."""
    def along(length: int, first: bool, last: bool) -> np.ndarray:
        place, ramp = np.arange(length) + 0.5, np.ones(length)
        ramp = np.minimum(ramp, place / width) if first else ramp
        return np.minimum(ramp, (length - place) / width) if last else ramp

    across, down = along(size[0], sides[0], sides[2]), along(size[1], sides[1], sides[3])
    return Image.fromarray(np.rint(down[:, None] * across * 255).astype(np.uint8))

"""What of a reference is looked at: plain margins, frames and letter boxes around a figure are left out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .flattening import WHITE, over_paper
from .small_copies import at_most

Box = tuple[int, int, int, int]  # left, top, right, bottom

LOOK = 512  # pixels, the longer side at which margins are looked for
ALIKE = 14  # levels by which a pixel of a margin may differ from it
STRAY = 0.005  # of a row: so many of its pixels may differ more, for grain and JPEG's rings
AROUND = 0.2  # of a figure's longer side, kept around it: as much as the models have seen
ENOUGH = 0.65  # of the picture, in area: where more is kept nothing is cut
FULL = 0.6  # of the sides of what is left that differ from the margin: a picture with bars, not a figure on paper
ONE_COLOUR = 0.05  # of a part: so many pixels may differ in one that is plain, for its soft edges
LAYERS = 4  # margins, frames and bars within each other
LIGHT = 225  # of paper, in its darkest channel


def trimmed_box(image: Image.Image) -> Box | None:
    """The part of a reference that is looked at, None for all of it.

    A figure on a plain page keeps some of it around, in a square where there is page enough: its picture is squashed to
    a square afterwards, and the models have seen figures with paper around. A picture in bars or in a dark frame keeps
    nothing of them.
    """
    flat = over_paper(image if image.mode == "RGB" else image.convert("RGBA"), WHITE)
    small = at_most(flat, LOOK)
    size, pixels = small.size, np.asarray(small, dtype=np.int16)
    found = _looked_at(pixels)
    left, top, right, bottom = found
    if (right - left) * (bottom - top) > ENOUGH * size[0] * size[1]:
        return None
    x, y = image.width / size[0], image.height / size[1]
    return round(left * x), round(top * y), round(right * x), round(bottom * y)


def _looked_at(pixels: NDArray[np.int16]) -> Box:
    """In pixels of [h, w, 3]."""
    field = kept = (0, 0, pixels.shape[1], pixels.shape[0])
    for _ in range(LAYERS):
        found = _content(pixels, field)
        if found is None:
            break
        colour, content = found
        if _is_full(pixels, content, colour) and int(colour.min()) < LIGHT:
            if _is_plain(pixels, content):
                break  # a stripe, which is no picture: what lies around it is no bar but the rest of the colours
            field = kept = _off_the_bars(content, field)
            continue
        kept = _with_paper(content, field)
        inner = _inside_frame(pixels, content)
        if inner is None:
            break
        field = inner
    return kept


def _content(pixels: NDArray[np.int16], field: Box) -> tuple[NDArray[np.int16], Box] | None:
    """The margin's colour and what lies within it, of the part `field`; None without a margin on two sides at least."""
    left, top, right, bottom = field
    part = pixels[top:bottom, left:right]
    if min(part.shape[:2]) < 8:
        return None
    best: tuple[int, NDArray[np.int16], Box] | None = None
    for corner in (part[0, 0], part[0, -1], part[-1, 0], part[-1, -1]):
        differs = np.abs(part - corner).max(-1) > ALIKE
        rows, columns = (np.flatnonzero(differs.mean(axis) > STRAY) for axis in (1, 0))
        if not len(rows) or not len(columns):
            return None
        box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
        margins = (box[0], box[1], part.shape[1] - box[2], part.shape[0] - box[3])
        if sum(margin > 1 for margin in margins) >= 2 and (best is None or sum(margins) > best[0]):
            best = (sum(margins), corner, (left + box[0], top + box[1], left + box[2], top + box[3]))
    return None if best is None else best[1:]


def _is_full(pixels: NDArray[np.int16], box: Box, colour: NDArray[np.int16]) -> bool:
    """Whether the outermost pixels of the box are no margin, nearly all: the edge of a picture."""
    edge = np.concatenate(_sides(pixels, box))
    return bool((np.abs(edge - colour).max(-1) > ALIKE).mean() > FULL)


def _is_plain(pixels: NDArray[np.int16], box: Box) -> bool:
    """Whether there is but one colour in the box."""
    left, top, right, bottom = box
    part = pixels[top:bottom, left:right].reshape(-1, 3)
    return bool((np.abs(part - np.median(part, 0)).max(-1) > ALIKE).mean() <= ONE_COLOUR)


def _sides(pixels: NDArray[np.int16], box: Box) -> list[NDArray[np.int16]]:
    """The outermost pixels of the box, side by side."""
    left, top, right, bottom = box
    part = pixels[top:bottom, left:right]
    return [part[0], part[-1], part[:, 0], part[:, -1]]


def _inside_frame(pixels: NDArray[np.int16], box: Box) -> Box | None:
    """The inside of a frame that is drawn all around the box; None when there is none.

    Pixel by pixel from the outside, while each side is of one colour in itself: where the colour changes last, the
    paper within begins.
    """
    left, top, right, bottom = box
    found, before = None, None
    while min(right - left, bottom - top) > 8:
        sides = _sides(pixels, (left, top, right, bottom))
        colours = [np.median(side, 0) for side in sides]
        if any((np.abs(side - own).max(-1) > ALIKE).mean() > 2 * STRAY for side, own in zip(sides, colours)):
            break
        if before is not None and max(np.abs(a - b).max() for a, b in zip(colours, before)) > ALIKE:
            found = (left, top, right, bottom)
        before = colours
        left, top, right, bottom = left + 1, top + 1, right - 1, bottom - 1
    return found


def _off_the_bars(content: Box, field: Box) -> Box:
    """A pixel farther in where a bar ends: that pixel of the small copy may hold some of it."""
    left, top, right, bottom = (inner + step * (inner != outer)
                                for inner, outer, step in zip(content, field, (1, 1, -1, -1)))
    return left, top, right, bottom


def _with_paper(content: Box, field: Box) -> Box:
    """The figure with AROUND of paper, squared up, within the field."""
    left, top, right, bottom = content
    side = max(right - left, bottom - top) * (1 + 2 * AROUND)
    across = _around((left + right) / 2, max(side, right - left), field[0], field[2])
    down = _around((top + bottom) / 2, max(side, bottom - top), field[1], field[3])
    return across[0], down[0], across[1], down[1]


def _around(middle: float, length: float, low: int, high: int) -> tuple[int, int]:
    length = min(length, high - low)
    start = min(max(middle - length / 2, low), high - length)
    return round(start), round(start + length)

"""A frame around a whole page: no line of the drawing, so it becomes paper before the drawing is looked at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

Floats = NDArray[np.float32]
Box = tuple[int, int, int, int]  # left, top, right, bottom

NEAR = 0.06  # of a side: a frame lies that near the page's border
THICK = 0.05  # of a side: a broader one is a drawing of something
FULL, OVER = 0.9, 0.5  # share of a row that is inked along a frame; below the second one it has ended
INK = 0.2  # of full ink
FREE, TOUCHED = 0.012, 0.01  # of a side, within the frame: paper; share of it that may be inked, by a soft edge
SPARE = 0.004  # of a side, left out beside the frame, for its soft edge


def frame_inside(lines: Tensor, size: tuple[int, int]) -> Box | None:
    """lines: [1, 3, h, w], +1 on -1, of a small copy of a page of `size` -> what its frame encloses, in the page's
    pixels; None where no frame goes all around, where one lies within another (that is a picture frame, and drawn), and
    where the drawing reaches it."""
    ink = ((lines[0].amax(0).clamp(-1, 1) + 1) / 2).numpy() > INK
    h, w = ink.shape
    sides = _inside(ink)
    if sides is None:
        return None
    left, top, right, bottom = sides
    if _inside(ink[top:bottom, left:right]) is not None or _touched(ink[top:bottom, left:right]):
        return None
    x, y = size[0] / w, size[1] / h
    spare = max(1, round(SPARE * max(size)))
    box = (round(left * x) + spare, round(top * y) + spare, round(right * x) - spare, round(bottom * y) - spare)
    return box if min(box[2] - box[0], box[3] - box[1]) > max(size) / 8 else None


def _touched(ink: NDArray[np.bool_]) -> bool:
    """Whether anything that is drawn within reaches the frame: then the frame is part of it, or a panel's."""
    band = max(2, round(FREE * max(ink.shape)))
    sides = (ink[:band], ink[-band:], ink[:, :band], ink[:, -band:])
    return any(float(side.mean()) > TOUCHED for side in sides)


def without_frame_around(page: Image.Image, inside: Box) -> Image.Image:
    """A page whose paper goes on to its border. Its colour is the commonest of what lies inside."""
    within = page.crop(inside)
    small = np.asarray(within.resize((64, 64), Image.Resampling.NEAREST)).reshape(4096, -1)
    colours, counts = np.unique(small // 8, axis=0, return_counts=True)
    commonest = (small // 8 == colours[counts.argmax()]).all(1)
    paper = tuple(int(value) for value in np.median(small[commonest], 0))
    whole = Image.new(page.mode, page.size, paper)
    whole.paste(within, inside[:2])
    return whole


def _inside(ink: NDArray[np.bool_]) -> Box | None:
    """[h, w] -> what four full rows and columns near the border enclose."""
    h, w = ink.shape
    if min(h, w) < 16:
        return None
    ends = [_end(side) for side in (ink, ink[::-1], ink.T, ink.T[::-1])]
    if None in ends:
        return None
    top, bottom, left, right = (int(end or 0) for end in ends)
    return left, top, w - right, h - bottom


def _end(ink: NDArray[np.bool_]) -> int | None:
    """The first row after a frame that runs along the upper border; None where there is none."""
    h, w = ink.shape
    trim = round(NEAR * w)
    share = ink[:round((NEAR + 2 * THICK) * h), trim:w - trim].mean(1)
    full = np.flatnonzero(share[:round(NEAR * h) + 1] > FULL)
    if not len(full):
        return None
    over = np.flatnonzero(share[full[0]:] < OVER)
    if not len(over) or over[0] > THICK * h + 1:
        return None
    return int(full[0] + over[0])

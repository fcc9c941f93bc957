"""Is there a drawing at all? Grain, dust and uneven light are none."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .grey import local_mean

SMALLEST = 64  # pixels, longer side: in smaller pictures everything may be a line
FAINTEST, SURE = 2 / 255, 14 / 255  # contrast in the copy: of a line of clean art; of a line whatever the grain
GRAINS = 6.0  # times the spread of the grain that a line must stand out
EXTENT = 0.03  # of the root of the area: what is smaller is a speck
MANY = 400  # marked pixels of a picture with lines: then nobody looks how far they reach


def has_a_drawing(picture: Tensor) -> bool:
    """picture: [3, h, w] in [0, 1], as `polarity.small_copy` gives it, averaged down from the whole.

    Something must stand out from its surroundings, in any channel, more than the grain does, over EXTENT of the
    picture: a speck of dust is none. Asked twice: of pixels, which finds the thinnest lines of a clean page, and of
    means over 3 x 3 pixels, which finds lines in heavy grain.
    """
    spread = picture.amax((1, 2)) - picture.amin((1, 2))
    if float(spread.max()) < FAINTEST:
        return False
    if max(picture.shape[-2:]) < SMALLEST:
        return True
    side = math.sqrt(picture.shape[1] * picture.shape[2])
    marks = torch.zeros(picture.shape[-2:], dtype=torch.bool)
    for channel in picture:
        around, near = local_mean(channel, round(side / 8)), local_mean(channel, 3)
        marks |= (channel - around).abs() > max(FAINTEST, GRAINS * _grain(channel - near))
        marks |= (near - around).abs() > min(max(FAINTEST, GRAINS * _grain(near - around)), SURE)
    if int(marks.sum()) > MANY:
        return True
    return farthest_reach(marks) >= EXTENT * side


def _grain(differs: Tensor) -> float:
    """The spread of what is not marks: 1.4826 times the median deviation, a Gaussian's standard deviation."""
    return 1.4826 * float(differs.abs().median())


def farthest_reach(marks: Tensor) -> int:
    """The longer side, in pixels, of the largest connected patch (8 neighbours). marks: [h, w] of bool, few true."""
    left = {(int(y), int(x)) for y, x in torch.nonzero(marks)}
    farthest = 0
    while left:
        patch, ends = set(), [left.pop()]
        while ends:
            y, x = ends.pop()
            patch.add((y, x))
            near = {(y + i, x + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & left
            left -= near
            ends.extend(near)
        rows, columns = zip(*patch)
        farthest = max(farthest, max(rows) - min(rows) + 1, max(columns) - min(columns) + 1)
    return farthest

"""Is there a drawing at all? Grain, dust and uneven light are none."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .grey import local_mean

SMALLEST = 64  # pixels, longer side: in smaller pictures everything may be a line
FAINTEST, SURE = 2 / 255, 14 / 255  # contrast in the copy: of a line of clean art; of a line whatever the grain
GRAINS = 6.0  # times the spread of the grain that a line must stand out
SCALES = (1, 3, 5, 9)  # pixels a side, of the means that are asked whether they are grain
BELL_2, BELL_3 = (0.025, 0.075), 0.015  # shares beyond 2 and 3 spreads; of a Gaussian 0.0455 and 0.0027
EXTENT = 0.03  # of the root of the area: what is smaller is a speck
MANY = 400  # marked pixels of a picture with lines: then nobody looks how far they reach


def has_a_drawing(picture: Tensor) -> bool:
    """picture: [3, h, w] in [0, 1], as `polarity.small_copy` gives it, averaged down from the whole.

    Something must stand out from its surroundings, in any channel, more than the grain does, over EXTENT of the
    picture: a speck of dust is none. Asked twice: of pixels, which finds the thinnest lines of a clean page, and of
    means over 3 x 3 pixels, which finds lines in heavy grain. Grain in clumps (JPEG, fibres of paper) is as strong in
    means as in pixels: where all of a picture is spread like a bell at each of SCALES, none of them is SURE.
    """
    spread = picture.amax((1, 2)) - picture.amin((1, 2))
    if float(spread.max()) < FAINTEST:
        return False
    if max(picture.shape[-2:]) < SMALLEST:
        return True
    side = math.sqrt(picture.shape[1] * picture.shape[2])
    marks = torch.zeros(picture.shape[-2:], dtype=torch.bool)
    around = [local_mean(channel, round(side / 8)) for channel in picture]
    if all(_is_grain(channel, level) for channel, level in zip(picture, around)):
        return any(_stands_out(picture, around, size) for size in SCALES)
    for channel, level in zip(picture, around):
        near = local_mean(channel, 3)
        marks |= (channel - level).abs() > max(FAINTEST, GRAINS * _grain(channel - near))
        marks |= (near - level).abs() > min(max(FAINTEST, GRAINS * _grain(near - level)), SURE)
    if int(marks.sum()) > MANY:
        return True
    return farthest_reach(marks) >= EXTENT * side


def _stands_out(picture: Tensor, around: list[Tensor], size: int) -> bool:
    """Whether something of EXTENT stands out from the grain of means over `size` x `size` pixels."""
    marks = torch.zeros(picture.shape[-2:], dtype=torch.bool)
    for channel, level in zip(picture, around):
        differs = local_mean(channel, size) - level
        marks |= differs.abs() > max(FAINTEST, GRAINS * _grain(differs))
    return farthest_reach(marks) - (size - 1) >= EXTENT * math.sqrt(marks.numel())  # a mean widens a speck


def _is_grain(channel: Tensor, around: Tensor) -> bool:
    """Whether a channel differs from its surroundings as a Gaussian does, at each of SCALES."""
    for size in SCALES:
        differs = (local_mean(channel, size) - around).abs()
        spread = float(differs[differs <= 3 * _grain(differs)].square().mean().sqrt())  # finer than steps of 1/255
        beyond = [float((differs > times * spread).float().mean()) for times in (2, 3)]
        if not BELL_2[0] <= beyond[0] <= BELL_2[1] or beyond[1] > BELL_3:
            return False
    return True


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

"""A plain frame or bars around a picture: they are no paper, so polarity is not asked of them."""

from __future__ import annotations

import torch
from torch import Tensor

from .grey import is_light, telling_channel

UNIFORM, FLIPS = 0.97, 0.9  # share of a row that is of the frame; of the next row that is not
LEAST_INSIDE = 0.3  # of the picture's area
LEAST_MARKS = 0.01  # share of pixels inside beside another class: a block in a margin is no picture in a frame
SOFT = 2  # rows between frame and picture that may be a mixture


def without_frame(picture: Tensor) -> Tensor:
    """picture: [3, h, w] -> the part of it inside a frame, or all of it. Frames in frames are taken off, too."""
    for _ in range(3):
        inside = _inside(picture)
        if inside.shape == picture.shape:
            break
        picture = inside
    return picture


def _inside(picture: Tensor) -> Tensor:
    grey = telling_channel(picture)
    if float(grey.max() - grey.min()) < 0.05:
        return picture
    light = is_light(grey)
    top, bottom = frame_width(light), frame_width(light.flip(0))
    left, right = frame_width(light.T), frame_width(light.T.flip(0))
    h, w = light.shape
    inner = light[top:h - bottom, left:w - right]
    if inner.numel() < LEAST_INSIDE * light.numel() or inner.numel() == light.numel():
        return picture
    beside = (inner[1:] != inner[:-1]).float().mean() + (inner[:, 1:] != inner[:, :-1]).float().mean()
    return picture[:, top:h - bottom, left:w - right] if float(beside) > LEAST_MARKS else picture


def frame_width(light: Tensor) -> int:
    """Rows at the top that are all of one class, where the next ones are all of the other; 0 = no frame there.

    light: [h, w] of 0 and 1. A drawing on paper touches a row only in places, a picture in a frame all along it.
    """
    share = light.mean(1)
    first = float(share[0])
    if min(first, 1 - first) > 1 - UNIFORM:
        return 0
    same = share if first > 0.5 else 1 - share
    other = torch.nonzero(same < UNIFORM)
    if not len(other):
        return 0
    width = int(other[0])
    after = same[width:width + SOFT + 1]
    middle = 1 - FLIPS + 2 * _side_share(light, width)
    return width + int(after.argmin()) if float(after.min()) < min(middle, 0.5) else 0


def _side_share(light: Tensor, width: int) -> float:
    """The part of a row that the frame's own sides may cover: as wide as the frame is high."""
    return min(width / light.shape[1], 0.2)

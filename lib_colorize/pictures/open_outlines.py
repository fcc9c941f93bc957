"""Outlines that are open below, as busts and robes are: what lies under them belongs to the figure."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from .outline import darkest_at_most, widened_by
from .stray_marks import together

Bools = NDArray[np.bool_]

LOOK = 256  # pixels, the longer side at which open outlines are followed
THICK = 0.016  # of the longer side: strokes up to twice as thick are no body


def with_open_bodies(figure: Tensor, ink: Tensor) -> Tensor:
    """figure, ink: [h, w] in [0, 1] -> the figure, and what its open outlines arch over.

    An outline is open where paper is on both of its sides. A place belongs to the figure when the next line to the
    left and the next to the right are open ones of one connected drawing that has a line above, too: shoulders, a
    skirt, a hill. What is open above or at a side, as a bowl or a tail, stays as it is, and so does grass.
    """
    strokes = open_strokes(figure, ink)
    if not strokes.any():
        return figure
    walls = _walls(ink)
    near = strokes.copy()
    for _ in range(4 * _reach(walls)):  # along the line, up to where the body begins
        near |= widened_by(near, 1) & walls
    under = _arched_over(near, walls)
    if not under.any():
        return figure
    for _ in range(4 * _reach(walls)):  # up to the line above
        under[:-1] |= under[1:] & ~walls[:-1]
    under |= widened_by(under, 1) & walls  # lines are thinner than their pixels here
    added = F.interpolate(torch.from_numpy(under.astype(np.float32))[None, None], figure.shape, mode="bilinear",
                          align_corners=False)[0, 0]
    return torch.maximum(figure, added)


def open_share(figure: Tensor, ink: Tensor) -> float:
    """The share of the ink that belongs to open outlines; the arguments as of `with_open_bodies`."""
    return float(open_strokes(figure, ink).sum()) / max(1, int(_walls(ink).sum()))


def open_strokes(figure: Tensor, ink: Tensor) -> Bools:
    """[h', w']: the ink beside which no body of the figure lies, at LOOK."""
    walls = _walls(ink)
    inside = (F.adaptive_avg_pool2d(figure[None, None], walls.shape)[0, 0] > 0.5).numpy()
    reach = _reach(walls)
    body = widened_by(~widened_by(~inside, reach), reach)  # an opening: strokes alone are none
    found: Bools = walls & ~widened_by(body, 2 * reach)
    return found


def _walls(ink: Tensor) -> Bools:
    found: Bools = (darkest_at_most(ink, LOOK) > 0.5).numpy()
    return found


def _reach(walls: Bools) -> int:
    return max(1, round(THICK * float(max(walls.shape))))


def _arched_over(strokes: Bools, walls: Bools) -> Bools:
    """[h, w]: the places between two of these strokes, with a line above them, all of one connected drawing."""
    drawing = np.zeros(walls.shape, np.int64)
    for number, marks in enumerate(together(widened_by(walls, 1)), 1):
        drawing[tuple(marks.T)] = number
    left, right, above = (_next_line(walls, axis, back) for axis, back in ((1, False), (1, True), (0, False)))
    own = np.where(walls, drawing, 0).ravel()
    between = (left >= 0) & (right >= 0) & (above >= 0)
    open_sides = strokes.ravel()[left] & strokes.ravel()[right]
    joined = (own[left] == own[right]) & (own[left] == own[above])
    found: Bools = between & open_sides & joined & ~walls
    return found


def _next_line(walls: Bools, axis: int, back: bool) -> NDArray[np.int64]:
    """[h, w]: where, counted through, the nearest line lies before each place along an axis; -1 = there is none."""
    place = np.where(walls, np.arange(walls.size).reshape(walls.shape), -1)
    seen = np.flip(place, axis) if back else place
    steps = np.where(seen >= 0, np.arange(walls.shape[axis]).reshape((-1, 1) if axis == 0 else (1, -1)), -1)
    last = np.maximum.accumulate(steps, axis)
    found = np.where(last >= 0, np.take_along_axis(seen, np.maximum(last, 0), axis), -1)
    return np.flip(found, axis) if back else found

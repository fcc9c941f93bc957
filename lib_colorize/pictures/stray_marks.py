"""Marks on a page that are no part of its drawing: dust, and a page number or a signature far off by the edge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

SPECK = 0.004  # of all ink; a mark with less, in one cell or two next to each other, is dust
LITTLE = 0.08  # of all ink, together: what strays has less
LOW, LONG = 3, 10  # cells: a line of small writing has no more, its shorter and its longer side
PLACES = 2  # a page number and a signature; what is strewn over more places is drawn
EDGE = 0.14  # of the page's longer side, within which writing by the edge lies
FAR = 0.25  # of the drawing's longer side, and NEAREST cells: from the drawing to what is no part of it
NEAREST = 3

Cells = tuple[int, int, int, int]  # top, left, bottom, right


@dataclass(frozen=True)
class Kept:
    """cells: [rows, columns] of bool, those of the drawing. writing: whether writing by the edge was left out."""

    cells: np.ndarray
    writing: bool


def without_stray_marks(cells: np.ndarray) -> Kept:
    """cells: [rows, columns], how much ink each square of a page has."""
    kept = cells > 0
    for marks in together(kept):
        if len(marks) <= 2 and cells[tuple(marks.T)].sum() < SPECK * cells.sum():
            kept[tuple(marks.T)] = False
    groups = [grown[kept[tuple(grown.T)]] for grown in together(_grown(kept))]
    small = [each for each in groups if _is_by_the_edge(each, cells)]
    rest = [each for each in groups if not any(each is other for other in small)]
    if not rest:
        return Kept(kept, False)
    drawing = _bounds(np.concatenate(rest))
    strays = [each for each in small if _is_far(_bounds(each), drawing)]
    ink = sum(float(cells[tuple(each.T)].sum()) for each in strays)
    if not strays or len(strays) > PLACES or ink >= LITTLE * cells.sum():
        return Kept(kept, False)
    for each in strays:
        kept[tuple(each.T)] = False
    return Kept(kept, True)


def _is_by_the_edge(marks: np.ndarray, cells: np.ndarray) -> bool:
    """Whether a group is small, has little ink and lies by an edge of the page."""
    top, left, bottom, right = _bounds(marks)
    short, long = sorted((bottom - top, right - left))
    gap = min(top, left, cells.shape[0] - bottom, cells.shape[1] - right)
    little = cells[tuple(marks.T)].sum() < LITTLE * cells.sum()
    return bool(little) and short <= LOW and long <= LONG and gap <= EDGE * max(cells.shape)


def _is_far(marks: Cells, drawing: Cells) -> bool:
    down = max(marks[0] - drawing[2], drawing[0] - marks[2])
    across = max(marks[1] - drawing[3], drawing[1] - marks[3])
    return max(down, across) >= max(NEAREST, FAR * max(drawing[2] - drawing[0], drawing[3] - drawing[1]))


def _bounds(marks: np.ndarray) -> Cells:
    (top, left), (bottom, right) = marks.min(0), marks.max(0) + 1
    return int(top), int(left), int(bottom), int(right)


def _grown(kept: np.ndarray) -> np.ndarray:
    """One cell more on each side, so that the letters of a word are one group."""
    inked = torch.from_numpy(kept).float()[None, None]
    return np.asarray(F.max_pool2d(inked, 3, 1, 1)[0, 0].numpy() > 0)


def together(kept: np.ndarray) -> list[np.ndarray]:
    """The groups of cells that touch, also at their corners: each [N, 2] of row and column."""
    number = torch.arange(1, kept.size + 1, dtype=torch.float64).view(kept.shape) * torch.from_numpy(kept)
    for _ in range(kept.size):
        spread = F.max_pool2d(number[None, None], 3, 1, 1)[0, 0] * torch.from_numpy(kept)
        if bool((spread == number).all()):
            break
        number = spread
    return [np.argwhere(number.numpy() == each) for each in np.unique(number.numpy()) if each > 0]

"""Panels beside each other on a page: framed drawings that gaps of paper part."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Bools = NDArray[np.bool_]

INK = 0.2  # of full ink
GAP = 0.006  # of the page's longer side: paper that parts two panels, all the way through
LEAST = 0.15  # of a side of the page: a smaller framed thing is a caption or a sign
FRAMED = 0.85  # share of each of its four sides that is drawn
DEPTH = 4  # rows in columns in rows: what a page is laid out in


def panels_on(lines: Tensor) -> int:
    """How many panels a page has. lines: [1, 3, h, w], +1 on -1, of a small copy of it."""
    ink = ((lines[0].amax(0).clamp(-1, 1) + 1) / 2).numpy() > INK
    gap = max(2, round(GAP * max(ink.shape)))
    h, w = ink.shape
    return sum(min(part.shape[0] / h, part.shape[1] / w) >= LEAST and _is_framed(part)
               for part in _parts(ink, gap, DEPTH))


def _parts(ink: Bools, gap: int, depth: int) -> list[Bools]:
    """The page cut along every gap, into rows, these into columns, and so on; each cut to its ink."""
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    if not len(rows):
        return []
    ink = ink[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]
    for turned in (False, True):
        pieces = _cut(ink.T if turned else ink, gap)
        if len(pieces) > 1 and depth:
            return [part for piece in pieces for part in _parts(piece.T if turned else piece, gap, depth - 1)]
    return [ink]


def _cut(ink: Bools, gap: int) -> list[Bools]:
    """Between rows of paper, `gap` of them or more."""
    full = np.flatnonzero(ink.any(1))
    ends = np.flatnonzero(np.diff(full) > gap)
    starts = [0, *(int(full[end + 1]) for end in ends)]
    return [ink[start:end] for start, end in zip(starts, [*(int(full[end]) + 1 for end in ends), len(ink)])]


def _is_framed(part: Bools) -> bool:
    """Whether lines run along all four of its sides, within a pixel or two."""
    sides = (part[:3].any(0), part[-3:].any(0), part[:, :3].any(1), part[:, -3:].any(1))
    return all(side.mean() >= FRAMED for side in sides)

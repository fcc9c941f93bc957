"""The lines of a drawing -> its areas: pieces of paper that lines divide, small gaps of a line counting as closed.

A ball that is too large for the gap stays on its side ("trapped ball", Zhang et al., "Vectorizing Cartoon Animations",
TVCG 2009, section 3.2): the places that a ball of radius r can be in are the paper farther than r from any line, so one
distance map serves all radii. Balls shrink step by step, what a larger one has found is kept, and the rest of the paper
joins the nearest found piece of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

WORKING = 1536  # px of the side at which areas are told; lines keep their darkest pixel on the way there
LONGEST = 2  # times the shorter side: more of a strip's longer one does not count as its size
GAP = 3 / 100  # of the side: a hole in a line up to so wide is closed
INK = 0.35  # of full ink, from which on a pixel is a line
SMALLEST = 6  # px at the working size: a piece with fewer belongs to the piece beside it


@dataclass(frozen=True)
class Areas:
    """labels: [h, w] int32, the area of every pixel, lines too (that of the nearest paper); 1..count.

    lines: [h, w] bool; away: [h, w] float32, px from the nearest line. All at a working size of 1/factor.
    """

    labels: np.ndarray
    lines: np.ndarray
    away: np.ndarray
    factor: int
    count: int


def find_areas(ink: np.ndarray, gap: float = GAP) -> Areas:
    """ink: [H, W] in [0, 1] or uint8 of 255, 1 = line; gap: of the side, 0 = none is closed.

    The side is the longer one; of a strip at most LONGEST times the shorter.
    """
    factor = max(1, -(-_side(ink) // WORKING))
    small = darkest(ink, factor)
    full = 255.0 if small.dtype == np.uint8 else 1.0
    lines = small >= INK * full
    if not lines.any():
        return Areas(np.ones(lines.shape, np.int32), lines, np.full(lines.shape, np.inf, np.float32), factor, 1)
    away = ndimage.distance_transform_edt(~lines).astype(np.float32)
    labels = np.zeros(lines.shape, np.int32)
    radius, count = gap * _side(lines) / 2, 0
    for r in (*(radius / 2 ** step for step in range(4) if radius / 2 ** step > 1), 0.0):
        count = _grown(labels, away > r, count)
    _joined(labels, SMALLEST)
    labels, count = _numbered(_everywhere(labels))
    return Areas(labels, lines, away, factor, count)


def _side(picture: np.ndarray) -> int:
    height, width = picture.shape
    return int(min(max(height, width), LONGEST * min(height, width)))


def darkest(ink: np.ndarray, factor: int) -> np.ndarray:
    """[H, W] -> [ceil(H / factor), ceil(W / factor)]: the most ink of each cell, so that no line is lost."""
    if factor == 1:
        return ink
    rows = _most_of(ink, factor)
    return np.ascontiguousarray(_most_of(rows.T, factor).T)


def _most_of(ink: np.ndarray, factor: int) -> np.ndarray:
    """[H, W] -> [ceil(H / factor), W]: the most of so many rows each."""
    whole = len(ink) // factor
    found: np.ndarray = np.maximum.reduce([ink[start:whole * factor:factor] for start in range(factor)])
    return found if whole * factor == len(ink) else np.concatenate([found, ink[whole * factor:].max(0)[None]])


def _grown(labels: np.ndarray, open_paper: np.ndarray, count: int) -> int:
    """Fill the open paper: pieces without a label get a new one, others that of the label they hold, or the nearest."""
    pieces, number = ndimage.label(open_paper)
    if not number:
        return count
    held = labels > 0
    inside, found = pieces[held], labels[held]
    one = np.zeros(number + 1, np.int32)
    one[inside] = found
    several = np.bincount(inside, found != one[inside], number + 1) > 0
    name = np.where(several, -1, one)
    name[0] = 0
    new = np.flatnonzero(one[1:] == 0) + 1
    name[new] = count + 1 + np.arange(len(new))
    wanted = name[pieces]
    shared = (wanted == -1) & ~held
    np.copyto(labels, wanted, where=(wanted > 0) & ~held, casting="same_kind")
    if shared.any():
        boxes = ndimage.find_objects(pieces)
        for piece in np.flatnonzero(name == -1):
            box = boxes[piece - 1]
            own = pieces[box] == piece
            known = own & held[box]
            at = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
            fill = own & ~held[box]
            labels[box][fill] = labels[box][at[0][fill], at[1][fill]]
    return count + len(new)


def _joined(labels: np.ndarray, smallest: int) -> None:
    """Pieces of fewer pixels are no areas: their pixels are given up, to be those of the nearest area."""
    sizes = np.bincount(labels.ravel())
    if (sizes[1:] >= smallest).any():
        labels[(sizes < smallest)[labels]] = 0


def _everywhere(labels: np.ndarray) -> np.ndarray:
    if labels.all() or not labels.any():
        return labels
    at = ndimage.distance_transform_edt(labels == 0, return_distances=False, return_indices=True)
    found: np.ndarray = labels[at[0], at[1]]
    return found


def _numbered(labels: np.ndarray) -> tuple[np.ndarray, int]:
    """Labels without holes in their numbering, 1..count."""
    used = np.zeros(int(labels.max()) + 1, np.int32)
    used[np.unique(labels)] = 1
    return np.cumsum(used, dtype=np.int32)[labels], int(used.sum())

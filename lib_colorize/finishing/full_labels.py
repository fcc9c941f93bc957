"""Areas that were told at a working size, at the drawing's own: paper beside a line joins the area on its side."""

from __future__ import annotations

import numpy as np

from .areas import INK, Areas
from .strips import PIXELS, each_strip


def full_labels(areas: Areas, ink: np.ndarray) -> np.ndarray:
    """[H, W] int32: the area of each pixel of the drawing. ink: [H, W] uint8, at the drawing's own size.

    Lines are wider at the working size than they are: paper beside one joins the area that it touches on its own side.
    """
    factor = areas.factor
    if factor == 1:
        return areas.labels
    h, w = ink.shape
    labels = np.empty((h, w), np.int32)
    _enlarge(np.where(areas.lines, 0, areas.labels), labels, factor)
    flat = labels.reshape(-1)
    todo = np.flatnonzero((labels == 0) & (ink < INK * 255))
    for _ in range(2 * factor):
        column = todo % w
        for step, inside in ((-1, column > 0), (1, column < w - 1), (-w, todo >= w), (w, todo < len(flat) - w)):
            found = flat[np.where(inside, todo + step, todo)]  # beyond the border is nobody
            flat[todo] = np.where(found > 0, found, flat[todo])
        todo = todo[flat[todo] == 0]
        if not len(todo):
            break
    _enlarge(areas.labels, labels, factor, keep=True)
    return labels


def _enlarge(small: np.ndarray, labels: np.ndarray, factor: int, keep: bool = False) -> None:
    """Into labels [H, W], in strips; keep: only where they are 0."""
    width = labels.shape[1]

    def work(rows: slice) -> None:
        top, bottom = rows.start * factor, min(len(labels), rows.stop * factor)
        large = small[rows].repeat(factor, 1)[:, :width].repeat(factor, 0)[: bottom - top]
        np.copyto(labels[top:bottom], large, where=labels[top:bottom] == 0 if keep else True)

    each_strip(small, work, PIXELS // factor**2)

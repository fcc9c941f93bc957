"""Areas that were told at a working size, at the drawing's own: paper beside a line joins the area on its side."""

from __future__ import annotations

import numpy as np

from .areas import INK, Areas


def full_labels(areas: Areas, ink: np.ndarray) -> np.ndarray:
    """[H, W] int32: the area of each pixel of the drawing. ink: [H, W] uint8, at the drawing's own size.

    Lines are wider at the working size than they are: paper beside one joins the area that it touches on its own side.
    """
    factor, lines = areas.factor, ink >= INK * 255
    if factor == 1:
        return areas.labels
    h, w = lines.shape
    labels: np.ndarray = _enlarged(np.where(areas.lines, 0, areas.labels), factor)[:h, :w].copy()
    flat, paper = labels.reshape(-1), ~lines.reshape(-1)
    todo = np.flatnonzero((flat == 0) & paper)
    for _ in range(2 * factor):
        for step in (-1, 1, -w, w):
            beside = np.clip(todo + step, 0, len(flat) - 1)
            found = flat[beside]
            flat[todo] = np.where(found > 0, found, flat[todo])
        todo = todo[flat[todo] == 0]
        if not len(todo):
            break
    np.copyto(labels, _enlarged(areas.labels, factor)[:h, :w], where=labels == 0)
    return labels


def _enlarged(labels: np.ndarray, factor: int) -> np.ndarray:
    found: np.ndarray = labels.repeat(factor, 0).repeat(factor, 1)
    return found

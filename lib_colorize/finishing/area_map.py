"""A finished picture as a page's canvas needs it: small, in layers, with the area of every pixel as runs of numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from ..pictures.colour_spaces import lab_of
from .colour import colour_distance
from .finished import Finished
from .hints import LIKE, open_borders


@dataclass(frozen=True)
class AreaMap:
    """All pictures are of one size, at most the side that was asked for.

    runs: [n, 2] uint32, (area, how many pixels) row by row; usual: [count + 1, 3] uint8, the median colour of each area
    at full size; groups: [count + 1], equal for areas that a hint in one of them colours too.
    """

    below: Image.Image  # RGB, colours without lines
    lines: Image.Image  # RGBA
    drawing: Image.Image  # RGB, the sketch's lines on white
    runs: np.ndarray
    usual: np.ndarray
    groups: np.ndarray


def area_map(drawing: np.ndarray, finished: Finished, side: int) -> AreaMap:
    """drawing: [H, W, 3] uint8; side: px that the longer side of what comes back has at most."""
    height, width = finished.labels.shape
    scale = min(1.0, side / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))

    def small(pixels: np.ndarray) -> Image.Image:
        return Image.fromarray(pixels).resize(size, Image.Resampling.BOX)

    ink = np.dstack([finished.ink.colour, finished.ink.alpha])
    return AreaMap(small(finished.colours), small(ink), small(drawing), _runs(_nearest(finished.labels, size)),
                   finished.usual, alike_groups(finished))


def alike_groups(finished: Finished) -> np.ndarray:
    """[count + 1] int: the lowest number among the areas that open paper joins to each, and that look like it."""
    groups = np.arange(len(finished.usual))
    usual = lab_of(finished.usual)
    beside = {area: [other for other in others if float(colour_distance(usual[area], usual[other])) <= LIKE]
              for area, others in open_borders(finished).items()}
    for first in range(1, len(groups)):
        todo = [first] if groups[first] == first else []
        while todo:
            for other in beside.get(todo.pop(), ()):
                if groups[other] > first:
                    groups[other] = first
                    todo.append(other)
    return groups


def _nearest(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    rows, columns = ((np.arange(small) * 2 + 1) * full // (2 * small)
                     for small, full in zip(reversed(size), labels.shape))
    found: np.ndarray = labels[rows[:, None], columns]
    return found


def _runs(labels: np.ndarray) -> np.ndarray:
    flat = labels.ravel()
    starts = np.concatenate([[0], np.flatnonzero(np.diff(flat)) + 1])
    return np.stack([flat[starts], np.diff(np.append(starts, len(flat)))], 1).astype("<u4")

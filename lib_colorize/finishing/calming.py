"""The colours of one area: leaks of its lines and neighbours taken out, a painting's own unevenness calmed."""

from __future__ import annotations

import numpy as np

from .filling import filled_roughly
from .unsteadiness import unsteadiness

REACH = (3.0, 5.0)  # painting pixels from a line: up to the first a colour of its own is a leak, from the second meant
LEAK = 24.0  # of 255, distance from the colour that is meant
CALM = (6.0, 110.0)  # of 255: less unevenness is the painting's, not meant; of a steady and of an unsteady painting
FITS = 16.0  # of 255: what is farther from the slope counts less
RIDGE = 1e-6 * np.eye(3)  # for an area that is one row of cells
FEWEST = 12  # cells that speak for an area


def calm_of(colours: np.ndarray, grid: np.ndarray, away: np.ndarray) -> float:
    """The unevenness that is not meant, in levels of 255; arguments: of `unsteadiness`."""
    return CALM[0] + (CALM[1] - CALM[0]) * unsteadiness(colours, grid, away)


def without_leaks(colours: np.ndarray, weight: np.ndarray, away: np.ndarray) -> np.ndarray:
    """The weight, less what lies near a line and is far from the colour of the area farther from lines thereabouts.

    That is the line's ink, or a neighbour's colour. A place where all is near lines is measured by the area's median.
    Where nothing would be left, the weight as it is.
    """
    far = np.clip((away - REACH[0]) / (REACH[1] - REACH[0]), 0, 1)
    own = np.median(colours[weight > 0.5], 0)
    clear = weight * far
    meant = filled_roughly(colours, clear) if (clear > 0.5).sum() >= FEWEST else own
    apart = ((colours - meant) ** 2).sum(-1)
    kept: np.ndarray = (weight * (1 - (1 - far) * (1 - np.exp(-apart / LEAK**2)))).astype(np.float32)
    return kept if kept.sum() > 1 else weight


def calmed(field: np.ndarray, weight: np.ndarray, calm: float) -> np.ndarray:
    """The field [h, w, 3] with its small unevenness taken out, about its own even slope; what differs clearly stays."""
    y, x = np.mgrid[0:weight.shape[0], 0:weight.shape[1]].astype(np.float32)
    base = np.stack([np.ones_like(x), (x - x.mean()) / max(1, np.ptp(x)), (y - y.mean()) / max(1, np.ptp(y))], -1)
    chosen = weight > 0.5 if (weight > 0.5).any() else weight > 0
    a, b, w = base[chosen], field[chosen], weight[chosen]
    for _ in range(4):  # least squares, what does not fit counting less (Holland and Welsch 1977, Cauchy's weights)
        weighted = a.T * w**2
        solved = np.linalg.solve((weighted @ a).astype(np.float64) + RIDGE, (weighted @ b).astype(np.float64))
        w = weight[chosen] / (1 + ((b - a @ solved.astype(np.float32)) ** 2).sum(-1) / FITS**2)
    if np.abs(solved[1:]).sum(0).max() < calm:
        solved[1:] = 0
        solved[0] = np.average(b, axis=0, weights=w)
    even = base @ solved.astype(np.float32)
    rest = field - even
    size = (rest**2).sum(-1, keepdims=True)
    kept: np.ndarray = even + rest * size / (size + calm**2)
    return kept

"""How unsteady a painting is: the unevenness inside its areas that no shading explains.

Light and shadow move the colours of one material along a line (the dichromatic reflection model, Shafer, Color Res.
Appl. 10, 1985; Omer and Werman, "Color Lines", CVPR 2004), those of a slope on a plane of the picture. What a small
model paints unevenly scatters in all directions of colour. So the scatter across an area's own direction is the
painting's noise, and its share of the whole says whether the rest is noise too.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

CLEAR = 3.0  # painting pixels from a line, from which on nothing of it or of a neighbour is in a colour
GRAIN = 2.0  # cells: what is finer is a picture's grain, which is no blotch
FEWEST = 24  # cells of an area that tell anything
MOST = 200_000  # cells that are looked at: every so many-th row and column of more
SCALE = 16.0  # of 255: what does not fit an area's plane by more counts less (Cauchy's weights)
ACROSS = (0.6, 1.2)  # of 255, scatter across: less is none, more is all
SHARE = (0.34, 0.5)  # of the scatter in each direction, that across: less is shading, more is noise


def unsteadiness(colours: np.ndarray, grid: np.ndarray, away: np.ndarray) -> float:
    """From 0.0, for a painting whose areas are even or shaded, to 1.0 for one whose unevenness is noise.

    colours: [h, w, 3]; grid: [h, w], areas 1..; away: [h, w], painting pixels from the nearest line.
    """
    colours = ndimage.gaussian_filter(colours, (GRAIN, GRAIN, 0), truncate=2.0)
    step = max(1, round(np.sqrt(grid.size / MOST)))
    grid, away, colours = (each[::step, ::step] for each in (grid, away, colours))
    chosen = away > CLEAR
    _, area, count = np.unique(grid[chosen], return_inverse=True, return_counts=True)
    if not (count >= FEWEST).any():
        return 0.0
    y, x = (place / max(grid.shape) for place in np.nonzero(chosen))
    covariance = _scatter(np.stack([np.ones_like(x), x, y], 1), colours[chosen].astype(np.float64), area, len(count))
    least, middle, most = np.maximum(np.linalg.eigvalsh(covariance), 0).T
    across, whole = np.sqrt((least + middle) / 2), np.sqrt((least + middle + most) / 3)
    told = np.sqrt(count) * (count >= FEWEST)  # no area speaks for all
    level, share = np.average(across, weights=told), np.average(across / np.maximum(whole, 0.5), weights=told)
    return _ramp(float(level), ACROSS) * _ramp(float(share), SHARE)


def _scatter(base: np.ndarray, colours: np.ndarray, area: np.ndarray, count: int) -> np.ndarray:
    """[count, 3, 3]: covariance of colours [n, 3] about a plane over base [n, 3] in each area."""
    weight = np.ones(len(area))
    for _ in range(3):
        normal = _summed(base, base, weight, area, count) + 1e-6 * np.eye(3)
        plane = np.linalg.solve(normal, _summed(base, colours, weight, area, count))
        rest = colours - np.einsum("ni,nij->nj", base, plane[area])
        weight = 1 / (1 + (rest**2).sum(1) / SCALE**2)
    mass = np.maximum(np.bincount(area, weight, count), 1e-9)
    found: np.ndarray = _summed(rest, rest, weight, area, count) / mass[:, None, None]
    return found


def _summed(a: np.ndarray, b: np.ndarray, weight: np.ndarray, area: np.ndarray, count: int) -> np.ndarray:
    """[count, 3, 3]: weighted sums of the outer products of a [n, 3] and b [n, 3] in each area."""
    return np.stack([np.stack([np.bincount(area, weight * a[:, i] * b[:, j], count) for j in range(3)], 1)
                     for i in range(3)], 1)


def _ramp(value: float, ends: tuple[float, float]) -> float:
    return min(1.0, max(0.0, (value - ends[0]) / (ends[1] - ends[0])))

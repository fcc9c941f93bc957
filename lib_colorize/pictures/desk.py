"""What lies around a sheet in a photo: a desk that is darker than its paper, wherever no paper is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .quadrangles import INSIDE, Corners
from .straight_edges import sampled

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

DARKER = 0.15  # log light by which the desk must be darker than the paper
ALL_DARK, ALL_LIGHT = 0.8, 0.75  # shares of what lies outside that is desk, of the photo's own border that is paper
SOME_DARK = 0.3  # share of what lies beyond each side that is desk: beyond a drawn line there is paper
POINTS = 48  # along a side
FAR = 10.0  # pixels outside a side where the desk is measured
STEP = 4  # pixels between those that are asked


def lies_on_a_desk(light: Floats, corners: Corners, real: Bools) -> bool:
    """light: [h, w] of logarithms, corners: [4, 2]. real: [4], which sides are a sheet's and not the photo's own.

    Whether there is a desk wherever no paper is, and paper up to the photo's border where a side is not seen.
    """
    plane, contrast = _paper_and_contrast(light, corners, real)
    if contrast < DARKER:
        return False
    away = _away(_every(light), corners)
    outside = _every(light)[(away < -FAR / 2).any(1)]
    rim = np.concatenate([_along(corners, int(k), INSIDE) for k in np.flatnonzero(~real)])
    level = contrast / 2
    return (_dark_share(light, plane, outside, level) > ALL_DARK
            and 1 - _dark_share(light, plane, rim, level) > ALL_LIGHT)


def is_left_on_all_sides(light: Floats, corners: Corners) -> bool:
    """Whether there is something else than paper beyond each of the four sides, up to the photo's border."""
    plane, contrast = _paper_and_contrast(light, corners, np.ones(4, bool))
    every = _every(light)
    away = _away(every, corners)
    return all(_dark_share(light, plane, every[away[:, k] < -FAR], max(contrast, DARKER) / 2) > SOME_DARK
               for k in range(4))


def _paper_and_contrast(light: Floats, corners: Corners, real: Bools) -> tuple[Corners, float]:
    """Paper's light as a plane [3] through what lies right inside the sides, for no lamp is even; the desk below it."""
    sides = [int(k) for k in np.flatnonzero(real)]
    inner, outer = (np.concatenate([_along(corners, k, off) for k in sides]) for off in (INSIDE, -FAR))
    plane = _plane(inner, sampled(light, inner[:, 0], inner[:, 1]))
    return plane, float(np.median(_on(plane, outer) - sampled(light, outer[:, 0], outer[:, 1])))


def _dark_share(light: Floats, plane: Corners, at: Corners, below: float) -> float:
    """Of the points [N, 2]; 1 where there is none."""
    dark = sampled(light, at[:, 0], at[:, 1]) < _on(plane, at) - below
    return float(dark.mean()) if len(at) else 1.0


def _every(light: Floats) -> Corners:
    h, w = light.shape
    y, x = np.mgrid[:h:STEP, :w:STEP]
    return np.stack([x.ravel(), y.ravel()], 1).astype(np.float64)


def _along(corners: Corners, k: int, off: float) -> Corners:
    """[POINTS, 2] along side k, `off` pixels to the inside of it."""
    start, end = corners[k], corners[(k + 1) % 4]
    way = (end - start) / np.hypot(*(end - start))
    found: Corners = (start + np.linspace(0.04, 0.96, POINTS)[:, None] * (end - start)
                      + off * np.array((-way[1], way[0])))
    return found


def _away(at: Corners, corners: Corners) -> Corners:
    """[N, 2] points -> [N, 4] pixels to the inside of each side."""
    ways = np.roll(corners, -1, 0) - corners
    ways = ways / np.hypot(*ways.T)[:, None]
    found: Corners = ((at[:, None] - corners) * np.stack([-ways[:, 1], ways[:, 0]], 1)).sum(-1)
    return found


def _plane(at: Corners, values: Floats) -> Corners:
    """[3]: least squares over the points that drawn lines do not darken."""
    terms = np.concatenate([at, np.ones((len(at), 1))], 1)
    plane = np.linalg.lstsq(terms, values, rcond=None)[0]
    light = values >= terms @ plane - 0.1
    found: Corners = np.linalg.lstsq(terms[light], values[light], rcond=None)[0]
    return found


def _on(plane: Corners, at: Corners) -> Corners:
    found: Corners = at @ plane[:2] + plane[2]
    return found

"""The sides of a sheet that was found in a small copy, looked up again in a larger one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from .quadrangles import Corners
from .small_copies import at_most
from .straight_edges import sampled

LOOK = 1280  # pixels, the longer side of the copy
REACH = 7.0  # pixels of the first copy by which a side may be off
POINTS = 64  # along a side
NEAR = 1.5  # pixels from a side within which a point lies on it
HELD = 0.35  # share of the points that must lie on it, else the side stays where it was


def refined(image: Image.Image, corners: Corners, first: float) -> Corners:
    """corners: [4, 2] in pixels of `image`, as good as a copy whose pixel is `first` of its own allows."""
    scale = min(1.0, LOOK / max(image.size))
    copy = at_most(image, LOOK)
    grey = np.asarray(copy.filter(ImageFilter.BoxBlur(1)), dtype=np.float32).min(-1)
    light = np.log(grey / 255 + 0.04)
    at = (corners + 0.5) * scale - 0.5
    lines = [_side(light, at[k], at[(k + 1) % 4], REACH * first * scale) for k in range(4)]
    found = np.stack([_crossing(lines[k - 1], lines[k]) for k in range(4)])
    if not np.isfinite(found).all() or np.abs(found - at).max() > 3 * REACH * first * scale:
        return corners
    return (found + 0.5) / scale - 0.5


def _side(light: NDArray[np.float32], start: NDArray[np.float64], end: NDArray[np.float64], reach: float,
          ) -> NDArray[np.float64]:
    """[2, 2]: two points of the side; the inside is on the right of the way from start to end."""
    way = end - start
    length = float(np.hypot(*way))
    normal = np.array((-way[1], way[0])) / length
    share = np.linspace(0.06, 0.94, POINTS)
    offs = np.arange(-np.ceil(reach) - 3, np.ceil(reach) + 4)
    x, y = (start[i] + share[:, None] * way[i] + offs * normal[i] for i in (0, 1))
    h, w = light.shape
    values = sampled(light, x, y)
    values[(x < 0) | (y < 0) | (x > w - 1) | (y > h - 1)] = np.nan  # a side of the picture itself has no step
    sums = np.concatenate([np.zeros((POINTS, 1)), np.cumsum(values, 1)], 1)
    step = (sums[:, 6:] - 2 * sums[:, 3:-3] + sums[:, :-6]) / 3  # three pixels inside less three outside
    step = np.nan_to_num(step, nan=-1.0)
    best = step.argmax(1)
    off = offs[2] + 0.5 + best  # between the third and the fourth pixel of the six
    weight = np.clip(step[np.arange(POINTS), best], 0, 0.3)
    return _fitted(start, end, normal, share, off, weight)


def _fitted(start: NDArray[np.float64], end: NDArray[np.float64], normal: NDArray[np.float64],
            share: NDArray[np.float64], off: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """The line through most of the points: best of all pairs, then least squares over those that lie on it."""
    a, b = np.triu_indices(POINTS, POINTS // 5)
    slope = (off[b] - off[a]) / (share[b] - share[a])
    away = np.abs(off[a][:, None] + slope[:, None] * (share - share[a][:, None]) - off)
    on = away[int(((away < NEAR) * weight).sum(1).argmax())] < NEAR
    on &= weight > 0.02
    if on.sum() < HELD * POINTS:
        return np.stack([start, end])
    terms = np.stack([1 - share, share], 1)
    heavy = np.sqrt(weight[on])
    ends = np.linalg.lstsq(terms[on] * heavy[:, None], off[on] * heavy, rcond=None)[0]
    return np.stack([start + ends[0] * normal, end + ends[1] * normal])


def _crossing(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """[2]: where two lines cross, each given by two of its points; not finite when they do not."""
    (p, q), (r, s) = one, other
    d, e = q - p, s - r
    across = d[0] * e[1] - d[1] * e[0]
    if abs(across) < 1e-6:
        return np.full(2, np.nan)
    found: NDArray[np.float64] = p + d * (((r - p)[0] * e[1] - (r - p)[1] * e[0]) / across)
    return found

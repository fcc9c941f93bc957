"""Where the centre lines of a drawing are, and how much ink a picture of it has there."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt, maximum_filter

DARK = 0.5  # of full ink: a line
BROADEST = 0.012  # of the longer side: half the width of a line, beyond it is an area


def centre_points(ink: np.ndarray) -> np.ndarray:
    """ink: [h, w] in [0, 1] -> points (x, y) of the middle of its lines, in parts of its width and height."""
    within = distance_transform_edt(ink > DARK)
    ridge = (within > 0) & (within == maximum_filter(within, 3)) & (within <= max(1.5, BROADEST * max(ink.shape)))
    y, x = np.nonzero(ridge)
    return (np.stack([x, y], axis=1) + 0.5) / ink.shape[::-1]


def ink_at(picture: np.ndarray, points: np.ndarray) -> float:
    """The median ink of the pixels of [h, w] in [0, 1] that the points lie in."""
    x, y = np.minimum((points * picture.shape[::-1]).astype(int), np.array(picture.shape[::-1]) - 1).T
    return float(np.median(picture[y, x]))

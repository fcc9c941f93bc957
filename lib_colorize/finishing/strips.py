"""Large pictures in strips of rows: what is computed with more bits than the picture has never is there whole."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

PIXELS = 1 << 20  # about so many at once


def strips(picture: np.ndarray) -> Iterator[slice]:
    """Rows of [H, W, ...] that cover it."""
    height, width = picture.shape[:2]
    rows = max(1, PIXELS // max(1, width))
    for top in range(0, height, rows):
        yield slice(top, min(height, top + rows))

"""Large pictures in strips of rows: what is computed with more bits than the picture has never is there whole."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

PIXELS = 1 << 19  # about so many at once
THREADS = max(1, min(4, os.cpu_count() or 1))  # numpy lets others run while it computes


def strips(picture: np.ndarray, pixels: int = PIXELS) -> Iterator[slice]:
    """Rows of [H, W, ...] that cover it, about so many pixels at once."""
    height, width = picture.shape[:2]
    rows = max(1, pixels // max(1, width))
    for top in range(0, height, rows):
        yield slice(top, min(height, top + rows))


def each_strip(picture: np.ndarray, work: Callable[[slice], object], pixels: int = PIXELS) -> None:
    """Call `work` with the rows of each strip, a few at the same time: each writes into its own rows."""
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(work, strips(picture, pixels)))

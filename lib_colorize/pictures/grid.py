"""The pale grid of a blueprint or of squared paper, taken off: it is printed on the paper, and nobody drew it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float32]

LINES = 5  # of a grid, at least, in one direction
EVEN = 0.12  # of the distance between two of them, by which it may differ
LEAST, MOST = 5.0, 0.45  # levels that a grid's line differs from paper; of the picture's whole range: more is drawn
GLANCE, SAMPLES = 48, 200  # rows that a column's median is taken of: whether there is a grid at all, and which


def without_grid(image: Image.Image) -> Image.Image:
    """RGB -> the same with a grid of straight pale lines gone; the very picture where there is none.

    A line of a grid runs through, so that it stands in the median of its row or column, whatever is drawn over it. Only
    these rows and columns are changed, each by what its median differs from paper.
    """
    picture = np.asarray(image)
    ways = (picture, picture.swapaxes(0, 1))
    if not all(_is_lined(each[:, :, 1:2], GLANCE) for each in ways):
        return image
    across, down = (_shifts(each) for each in ways)
    if across is None or down is None:
        return image
    out = np.empty_like(picture)
    for top in range(0, image.height, 256):
        rows = slice(top, top + 256)
        both = np.stack(np.broadcast_arrays(across[None], down[rows, None]))
        larger = np.where(np.abs(both[:1]).sum(-1, keepdims=True) >= np.abs(both[1:]).sum(-1, keepdims=True),
                          both[:1], both[1:])[0]
        out[rows] = np.clip(picture[rows] + larger, 0, 255)
    return Image.fromarray(out)


def _shifts(picture: NDArray[np.uint8]) -> Floats | None:
    """[w, 3]: what makes paper of each column, 0 for those without a line of a grid; None where there is no grid."""
    profile, paper, lined = _lined(picture, SAMPLES)
    if not _is_periodic(lined):
        return None
    touched = lined.copy()
    touched[1:] |= lined[:-1]
    touched[:-1] |= lined[1:]
    found: Floats = np.where(touched[:, None], paper - profile, 0).astype(np.float32)
    return found


def _is_lined(picture: NDArray[np.uint8], samples: int) -> bool:
    return _is_periodic(_lined(picture, samples)[2])


def _lined(picture: NDArray[np.uint8], samples: int) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """[h, w, C] -> the median of each column [w, C], paper [C], and which columns are a pale line's [w]."""
    step = max(1, picture.shape[0] // samples)
    some = picture[step // 2::step]
    profile = np.median(some, 0).astype(np.float32)
    paper = np.median(profile, 0)
    off = np.abs(profile - paper).max(-1)
    whole = float(np.quantile(some, 0.999) - np.quantile(some, 0.001))
    return profile, paper, (off > LEAST) & (off < MOST * whole)


def _is_periodic(lined: NDArray[np.bool_]) -> bool:
    """[w]: whether these are thin, many, at even distances, and go on over most of the picture."""
    starts, ends = np.flatnonzero(np.diff(lined.astype(np.int8), prepend=0) == 1), np.flatnonzero(
        np.diff(lined.astype(np.int8), append=0) == -1)
    if len(starts) < LINES or lined.mean() > 0.3:
        return False
    middles = (starts + ends) / 2
    steps = np.diff(middles)
    usual = float(np.median(steps))
    whole = np.maximum(np.rint(steps / usual), 1)  # a line may be hidden
    even = np.abs(steps - whole * usual) < np.maximum(EVEN * usual, 1.5)
    return bool(even.mean() > 0.9 and whole.mean() < 1.5 and (middles[-1] - middles[0]) > 0.6 * len(lined))

"""What is trusted of a picture, spread over the rest of it."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

SPREAD = 0.7  # cells, of the blur at each level
SMALLEST = 4  # cells: a level of no more is one colour
COARSER = 0.03  # the trust that speaks for the coarser level


def filled_in(colours: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """colours: [h, w, 3], weight: [h, w], somewhere above 0 -> [h, w, 3]: what is trusted, spread over the rest.

    Normalized convolution at each level of a pyramid: where a level trusts little, the coarser one speaks (pull and
    push, Gortler et al., "The Lumigraph", SIGGRAPH 1996, section 3.4).
    """
    mass = ndimage.gaussian_filter(weight, SPREAD, mode="constant", truncate=2.5)[..., None]
    summed = ndimage.gaussian_filter(colours * weight[..., None], (SPREAD, SPREAD, 0), mode="constant", truncate=2.5)
    if max(weight.shape) <= SMALLEST:
        mean = (colours * weight[..., None]).sum((0, 1)) / max(float(weight.sum()), 1e-12)
        below = np.broadcast_to(mean, colours.shape)
    else:
        below = filled_roughly(colours, weight)
    found: np.ndarray = (summed + COARSER * below) / (mass + COARSER)
    return found


def filled_roughly(colours: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The same, from half the size."""
    halves = _halved(weight)
    mean = _halved(colours * weight[..., None]) / np.maximum(halves, 1e-12)[..., None]
    return _doubled(filled_in(mean, halves), weight.shape)


def _halved(picture: np.ndarray) -> np.ndarray:
    """[h, w, ...] -> [ceil(h / 2), ceil(w / 2), ...], means of what is there."""
    tall, wide = picture.shape[0] % 2, picture.shape[1] % 2
    even = np.pad(picture, ((0, tall), (0, wide), *((0, 0),) * (picture.ndim - 2)))
    found: np.ndarray = (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / np.float32(4)
    return found


def _doubled(picture: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """[h, w, 3] -> [H, W, 3] of twice the size or one less, bilinear between the middles of cells."""
    for axis in (0, 1):
        padded = np.concatenate([picture.take([0], axis), picture, picture.take([-1], axis)], axis)
        size = picture.shape[axis]
        one, before, after = (padded.take(range(start, start + size), axis) for start in (1, 0, 2))
        first, second = 0.75 * one + 0.25 * before, 0.75 * one + 0.25 * after
        picture = np.stack([first, second], axis + 1).reshape(
            *picture.shape[:axis], 2 * size, *picture.shape[axis + 1:]).take(range(shape[axis]), axis)
    return picture.astype(np.float32)

"""What is asked of a grey picture: its two classes, its local mean, what thin marks leave, a copy to look at."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

LOOK = 256  # longer side, in pixels, at which polarity and paper are judged


def telling_channel(picture: Tensor) -> Tensor:
    """picture: [3, h, w] -> [h, w], of mean, red, green and blue the one with the largest spread."""
    candidates = torch.cat([picture.mean(0, keepdim=True), picture])
    return candidates[int(candidates.flatten(1).std(dim=1).argmax())]


def look_copy(picture: Tensor) -> Tensor:
    """[C, h, w] -> the same, averaged down to a longer side of at most LOOK."""
    _, h, w = picture.shape
    scale = LOOK / max(h, w)
    if scale >= 1:
        return picture
    return F.adaptive_avg_pool2d(picture[None], (max(1, round(h * scale)), max(1, round(w * scale))))[0]


def otsu(grey: Tensor) -> float:
    """The threshold that best parts [h, w] into two classes (Otsu 1979: largest variance between classes)."""
    low, high = float(grey.min()), float(grey.max())
    counts, edges = np.histogram(grey.numpy(), bins=64, range=(low, max(high, low + 1e-4)))
    middles = (edges[:-1] + edges[1:]) / 2
    below, total = np.cumsum(counts)[:-1], counts.sum()
    mass = np.cumsum(counts * middles)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (mass[-1] * below / total - mass[:-1]) ** 2 / (below * (total - below))
    return float(edges[1:-1][int(np.nanargmax(between))])


def is_light(grey: Tensor) -> Tensor:
    return (grey > otsu(grey)).float()


def local_mean(grey: Tensor, size: int) -> Tensor:
    """Mean over a square of about `size`, of the pixels that lie in the picture. [h, w] -> [h, w]."""
    half = size // 2
    rows = F.avg_pool2d(grey[None, None], (2 * half + 1, 1), 1, (half, 0), count_include_pad=False)
    return F.avg_pool2d(rows, (1, 2 * half + 1), 1, (0, half), count_include_pad=False)[0, 0]


def spread_out(grey: Tensor, size: int, sign: int = 1) -> Tensor:
    """Grey dilation with a square of odd `size`; erosion for sign -1. [h, w] -> [h, w]."""
    rows = F.max_pool2d(sign * grey[None, None], (size, 1), 1, (size // 2, 0))
    return sign * F.max_pool2d(rows, (1, size), 1, (0, size // 2))[0, 0]

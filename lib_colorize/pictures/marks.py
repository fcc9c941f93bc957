"""A large picture made smaller by a whole factor before anything is computed, its thin marks kept (see `ink`)."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..method.settings import MAX_SIZE
from .ink import with_marks

WORK_SIDE = 2 * MAX_SIZE  # pixels, the longer side of what is worked on: memory, not looks
MULTIPLE = 2  # times the size that the model is shown: what is left for finding lines between pixels
SEES = 8  # rows more than asked for: what a mark is looks so far
BAND = 256  # rows of the result made at a time: memory
CELLS = 2**22  # pixels of the picture looked at at a time: memory too


def at_working_scale(image: Image.Image, shown: tuple[int, int] | None = None) -> Image.Image:
    """RGB or RGBA -> the same, or smaller by a whole factor that leaves MULTIPLE times `shown` and at most WORK_SIDE.

    shown: (width, height) that the picture gets on the model's canvas; None = nobody asks for less than its own. Thin
    marks keep their colour, dark or light, and their transparency, so that how they are read can be decided afterwards.
    """
    factor = whole_factor(image.size, shown)
    return image if factor == 1 else _reduced(image, factor)


def whole_factor(size: tuple[int, int], shown: tuple[int, int] | None) -> int:
    """By how much a picture of that size is made smaller."""
    least = -(-max(size) // WORK_SIDE)
    asked = 1 if shown is None else min(size[0] // (MULTIPLE * shown[0]), size[1] // (MULTIPLE * shown[1]))
    return min(max(least, asked, 1), *size)


def _reduced(image: Image.Image, factor: int) -> Image.Image:
    mean = np.asarray(image.reduce(factor))
    bands = []
    for top in range(0, mean.shape[0], BAND):
        first, last = max(top - SEES, 0), min(top + BAND + SEES, mean.shape[0])
        low, high = _extremes_of_rows(image, first, last, factor)
        channels = 1 if _is_grey(mean[first:last], low, high) else mean.shape[2]
        average, least, most = (_unit(part[..., :channels]) for part in (mean[first:last], low, high))
        found, _ = with_marks(average, least, most, spare=True)
        bands.append(found[0, :, top - first:top - first + BAND].expand(mean.shape[2], -1, -1))
    kept = (torch.cat(bands, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
    return Image.fromarray(kept, image.mode)


def _extremes_of_rows(image: Image.Image, first: int, last: int, factor: int) -> tuple[np.ndarray, np.ndarray]:
    """Of the cells of these rows of the result, a few rows at a time."""
    step = max(1, CELLS // (factor * image.width))
    found = []
    for top in range(first, last, step):
        end = min(top + step, last)
        part = image.crop((0, top * factor, image.width, min(end * factor, image.height)))
        found.append(_extremes(np.asarray(part), factor))
    low, high = (np.concatenate(parts) for parts in zip(*found))
    return low, high


def _extremes(cells: np.ndarray, factor: int) -> tuple[np.ndarray, np.ndarray]:
    """[h, w, C] uint8 -> the least and the largest value of each cell of factor x factor, cut off ones too."""
    low = _over_rows(np.minimum, _over_rows(np.minimum, cells, factor).swapaxes(0, 1), factor).swapaxes(0, 1)
    high = _over_rows(np.maximum, _over_rows(np.maximum, cells, factor).swapaxes(0, 1), factor).swapaxes(0, 1)
    return low, high


def _over_rows(choose: np.ufunc, values: np.ndarray, factor: int) -> np.ndarray:
    values = np.ascontiguousarray(values)
    found: np.ndarray = values[::factor].copy()
    for row in range(1, factor):
        more = values[row::factor]
        choose(found[:len(more)], more, out=found[:len(more)])
    return found


def _is_grey(*parts: np.ndarray) -> bool:
    """Whether all channels are alike, which saves two of three."""
    return all(bool((part[..., :1] == part[..., 1:]).all()) for part in parts)


def _unit(values: np.ndarray) -> Tensor:
    """[h, w, C] uint8 -> [1, C, h, w] in [0, 1]."""
    return torch.from_numpy(values.astype(np.float32) / 255).permute(2, 0, 1)[None]

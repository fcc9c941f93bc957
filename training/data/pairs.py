"""Pairs of sketch and picture as training batches: which samples make a batch, and what a batch holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from lib_colorize.errors import ColorizeError
from training.data import augment, decode
from training.data.batch import Batch
from training.data.buckets import bucket_sizes, nearest_bucket
from training.data.catalog import Catalog, same_shape, scan
from training.data.options import DataOptions

if TYPE_CHECKING:
    from training.cache import Cache

__all__ = ["Batch", "DataOptions", "Pairs", "open_pairs"]
GRID = 8  # px; windows start at multiples of it, as latents do
Sample = tuple[Image.Image, Image.Image]  # sketch and picture


def open_pairs(folder: str | Path, options: DataOptions, cache: Cache | None = None) -> Pairs:
    """The usable samples of a data folder. ColorizeError when it has none; `.report` says what was passed over."""
    catalog = scan(Path(folder), options.where)
    if not catalog.keys:
        raise ColorizeError(f"{folder}: no usable pair of sketch and picture: {catalog.report}")
    return Pairs(catalog, options, cache)


class Pairs:
    """Samples by index. It holds no handles: forks, threads and pickles of it are as good as itself."""

    def __init__(self, catalog: Catalog, options: DataOptions, cache: Cache | None = None) -> None:
        self.catalog, self.options, self.cache = catalog, options, cache
        self.report = catalog.report
        self.sizes = bucket_sizes(options)
        shapes, inverse = np.unique(catalog.sizes, axis=0, return_inverse=True)
        nearest = np.array([nearest_bucket((int(w), int(h)), self.sizes) for w, h in shapes], dtype=np.int64)
        self.bucket_of = nearest[inverse.ravel()]  # [N] index into `sizes`
        self._damaged: set[int] = set()
        if cache is not None:
            cache.require(self)

    def __len__(self) -> int:
        return len(self.catalog.keys)

    def plan(self, seed: int, epoch: int, batch_size: int) -> list[list[int]]:
        """The global batches of one epoch, each of one bucket; the same on every rank.

        Every sample comes at least once. The last batch of a bucket is filled up with that bucket's first samples of
        this epoch, so that all batches have batch_size samples.
        """
        if batch_size < 1:
            raise ColorizeError(f"batch_size: found {batch_size}, expected at least 1")
        rng = np.random.default_rng((seed, epoch))
        batches = []
        for bucket in range(len(self.sizes)):
            order = rng.permutation(np.flatnonzero(self.bucket_of == bucket))
            count = -(-len(order) // batch_size)
            batches += np.resize(order, (count, batch_size)).tolist() if count else []
        return [batches[i] for i in rng.permutation(len(batches))]

    def batch(self, indices: Sequence[int], seed: int, epoch: int, window: int = 0) -> Batch:
        """The samples of one bucket, a pure function of (seed, epoch, index) for each.

        window > 0: a random window of so many px of sketch and target; the reference stays whole. A sample that turns
        out to be damaged is counted in the report, and the next good one of its bucket stands in for it.
        """
        buckets = {int(self.bucket_of[i]) for i in indices}
        if len(buckets) != 1:
            raise ColorizeError(f"a batch of {len(buckets)} buckets, expected the indices of one batch of `plan`")
        size = self.sizes[buckets.pop()]
        if window and (window > min(size) or window % GRID):
            raise ColorizeError(f"window: found {window} px, expected a multiple of {GRID} up to {min(size)}")
        draws = [augment.draw(self.options, seed, epoch, int(i)) for i in indices]
        if self.cache is not None:
            return self.cache.batch(self, [int(i) for i in indices], draws, window)
        samples = [self._good_sample(int(i), drawn, size) for i, drawn in zip(indices, draws)]
        cut = [self._windowed(sketch, color, drawn, window) for (sketch, color), drawn in zip(samples, draws)]
        reference = _to_tensor([color for _, color in samples])
        return Batch(sketch=-_to_tensor([sketch for sketch, _ in cut]),
                     color=_to_tensor([color for _, color in cut]) if window else reference, reference=reference)

    def sample(self, index: int, drawn: augment.Draw, size: tuple[int, int]) -> Sample:
        """Sketch and picture of `size`, black lines on white, margins not erased; ColorizeError when damaged."""
        color, sketch, mask = (self._picture(index, part) for part in ("color", "sketch", "mask"))
        if color is None or sketch is None:
            raise ColorizeError(f"{self.catalog.keys[index]}: incomplete")
        if not same_shape(color.size, sketch.size):
            raise decode.BadPicture("sketch of another shape than its picture", self.catalog.keys[index])
        if mask is not None and drawn.white_background:
            color, sketch = (augment.white_background(p, augment.resize(mask, p.size)) for p in (color, sketch))
        color, sketch = (augment.geometry(p, drawn, size, self.options.crop == "squash") for p in (color, sketch))
        return sketch, augment.jitter(color, drawn.colour)

    def _picture(self, index: int, part: str) -> Image.Image | None:
        if part == "mask" and not self.options.white_background:
            return None
        content = self.catalog.content(index, part)
        return None if content is None else decode.picture(content)

    def _good_sample(self, index: int, drawn: augment.Draw, size: tuple[int, int]) -> Sample:
        """The sample, or the next of its bucket that is not damaged."""
        for candidate in self._from(index):
            if candidate in self._damaged:
                continue
            try:
                return self.sample(candidate, drawn, size)
            except ColorizeError as error:
                self._damaged.add(candidate)
                reason = error.reason if isinstance(error, decode.BadPicture) else "damaged member"
                self.report.skip(reason, self.catalog.keys[candidate])
        raise ColorizeError(f"{self.catalog.folder}: every sample of the bucket {size[0]}x{size[1]} is damaged: "
                            f"{self.report}")

    def _from(self, index: int) -> Iterator[int]:
        """The samples of the same bucket, from this one on, once round."""
        yield index
        same = np.flatnonzero(self.bucket_of == self.bucket_of[index])
        yield from np.roll(same, -int(np.searchsorted(same, index)))[1:].tolist()

    def _windowed(self, sketch: Image.Image, color: Image.Image, drawn: augment.Draw, window: int) -> Sample:
        if window:
            left, top = window_corner(drawn, sketch.size, window)
            sketch, color = (augment.crop(p, left, top, (window, window)) for p in (sketch, color))
        return augment.erase_margins(sketch, drawn.margins), color


def window_corner(drawn: augment.Draw, size: tuple[int, int], window: int) -> tuple[int, int]:
    """(left, top) in px, multiples of GRID."""
    top, left = (int(place * ((side - window) // GRID + 1)) * GRID for place, side in zip(drawn.window, size[::-1]))
    return left, top


def _to_tensor(pictures: list[Image.Image]) -> Tensor:
    """RGB pictures of one size -> [B, 3, H, W] in [-1, 1]."""
    stacked = torch.from_numpy(np.stack([np.asarray(p) for p in pictures]))
    return stacked.permute(0, 3, 1, 2).float() / 127.5 - 1

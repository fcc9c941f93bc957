"""Pairs of sketch and picture as training batches: which samples make a batch, and what a batch holds."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from lib_colorize.errors import ColorizeError
from training.dataset import augment, decode
from training.dataset.batch import Batch
from training.dataset.buckets import bucket_sizes, nearest_bucket
from training.dataset.catalog import PARTS, Catalog, same_shape, scan
from training.dataset.options import DataOptions

if TYPE_CHECKING:
    from training.dataset.cache_store import Cache

__all__ = ["Batch", "DataOptions", "Pairs", "open_pairs"]
LOG = logging.getLogger(__name__)
GRID = 8  # px; windows start at multiples of it, as latents do
Read = TypeVar("Read")


def open_pairs(folder: str | Path, options: DataOptions, cache: Cache | None = None) -> Pairs:
    """The usable samples of a data folder. ColorizeError when it has none; `.report` says what was passed over.

    cache: of the same folder and options, from `training.cache`; `Pairs.with_cache` adds one later.
    """
    catalog = scan(Path(folder), options.where)
    if not catalog.keys:
        raise ColorizeError(f"{folder}: no usable pair of sketch and picture: {catalog.report}")
    pairs = Pairs(catalog, options)
    return pairs if cache is None else pairs.with_cache(cache)


class Pairs:
    """Samples by index. It holds no handles: forks, threads and pickles of it are as good as itself."""

    def __init__(self, catalog: Catalog, options: DataOptions) -> None:
        self.catalog, self.options = catalog, options
        self.cache: Cache | None = None
        self.report = catalog.report
        self.sizes = bucket_sizes(options)
        shapes, inverse = np.unique(catalog.sizes, axis=0, return_inverse=True)
        nearest = np.array([nearest_bucket((int(w), int(h)), self.sizes) for w, h in shapes], dtype=np.int64)
        self.bucket_of = nearest[inverse.ravel()]  # [N] index into `sizes`
        self.damaged: dict[int, str] = {}  # found while reading -> reason

    def with_cache(self, cache: Cache) -> Pairs:
        """The same samples with what is cached in place of pictures; ColorizeError when it is not theirs."""
        pairs = self.cacheable()
        cache.require(pairs)
        pairs.cache = cache
        return pairs

    def cacheable(self) -> Pairs:
        """The same samples by `DataOptions.cached`: without what changes a picture before it is encoded."""
        pairs = Pairs(self.catalog, self.options.cached()[0])
        pairs.__dict__["digest"] = self.digest
        return pairs

    @cached_property
    def digest(self) -> str:
        """Hash of which pictures these are."""
        return self.catalog.digest()

    def __len__(self) -> int:
        return len(self.catalog.keys)

    def size_of(self, index: int) -> tuple[int, int]:
        """(width, height) of the sample's bucket."""
        return self.sizes[int(self.bucket_of[index])]

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
        samples = [self.first_good(int(i), lambda j, d=drawn: self.sample(j, d))
                   for i, drawn in zip(indices, draws)]
        sketches = [windowed_sketch(sketch, drawn, window) for (sketch, *_), drawn in zip(samples, draws)]
        color = to_tensor([cut(picture, drawn, window) for (_, picture, _), drawn in zip(samples, draws)])
        own = not window and all(reference is picture for _, picture, reference in samples)
        reference = color if own else to_tensor([reference for *_, reference in samples])
        return Batch(sketch=sketch_tensor(sketches), color=color, reference=reference)

    def sample(self, index: int, drawn: augment.Draw) -> tuple[Image.Image, Image.Image, Image.Image]:
        """Sketch, black lines on white, margins not erased; picture; reference. All of the bucket's size.

        The reference *is* the picture where the sample has none of its own. BadPicture if one is damaged.
        """
        color, sketch, mask, other = (self._picture(index, part) for part in PARTS)
        assert color is not None and sketch is not None, "the catalog lists samples that have both"
        if not same_shape(color.size, sketch.size):
            raise decode.BadPicture("sketch of another shape than its picture")
        if mask is not None and drawn.white_background:
            color, sketch = (augment.white_background(p, augment.resize(mask, p.size)) for p in (color, sketch))
        shown = augment.jitter(self._geometry(color, index, drawn), drawn.colour)
        reference = shown if other is None else augment.jitter(self._geometry(other, index, drawn), drawn.colour)
        return self._geometry(sketch, index, drawn), shown, reference

    def sketch(self, index: int, drawn: augment.Draw) -> Image.Image:
        """The sketch of `sample` alone, for samples whose picture is cached."""
        sketch = self._picture(index, "sketch")
        assert sketch is not None, "the catalog lists samples that have one"
        return self._geometry(sketch, index, drawn)

    def _geometry(self, image: Image.Image, index: int, drawn: augment.Draw) -> Image.Image:
        return augment.geometry(image, drawn, self.size_of(index), self.options.crop == "squash")

    def _picture(self, index: int, part: str) -> Image.Image | None:
        if part == "mask" and not self.options.white_background:
            return None
        content = self.catalog.content(index, part)
        return None if content is None else decode.picture(content, grey=part in ("sketch", "mask"))

    def first_good(self, index: int, read: Callable[[int], Read]) -> Read:
        """What `read` makes of this sample, or of the next of its bucket that is not damaged; those are counted."""
        for candidate in self._from(index):
            if candidate in self.damaged:
                continue
            try:
                return read(candidate)
            except decode.BadPicture as error:
                self.mark_damaged(candidate, error.reason)
        raise ColorizeError(f"{self.catalog.folder}: every sample of the bucket {self.size_of(index)} is damaged: "
                            f"{self.report}")

    def mark_damaged(self, index: int, reason: str) -> None:
        """Count a sample that turned out to be damaged, once."""
        if index not in self.damaged:
            self.damaged[index] = reason
            self.report.skip(reason, self.catalog.keys[index])
            LOG.warning("%s: %s; another sample stands in", self.catalog.keys[index], reason)  # heard from workers too

    def _from(self, index: int) -> Iterator[int]:
        """The samples of the same bucket, from this one on, once round."""
        yield index
        same = np.flatnonzero(self.bucket_of == self.bucket_of[index])
        yield from np.roll(same, -int(np.searchsorted(same, index)))[1:].tolist()


def window_corner(drawn: augment.Draw, size: tuple[int, int], window: int) -> tuple[int, int]:
    """(left, top) in px, multiples of GRID. size: (width, height)."""
    top, left = (int(place * ((side - window) // GRID + 1)) * GRID for place, side in zip(drawn.window, size[::-1]))
    return left, top


def cut(image: Image.Image, drawn: augment.Draw, window: int) -> Image.Image:
    """The window of a picture; the picture itself when window is 0."""
    return augment.crop(image, *window_corner(drawn, image.size, window), (window, window)) if window else image


def windowed_sketch(sketch: Image.Image, drawn: augment.Draw, window: int) -> Image.Image:
    """The window of a sketch, then its margins erased: the network is shown to fill what it sees the edge of."""
    return augment.erase_margins(cut(sketch, drawn, window), drawn.margins)


def to_tensor(pictures: list[Image.Image]) -> Tensor:
    """RGB or L pictures of one size -> [B, 3, H, W] in [-1, 1]; of L alone, three views of one channel."""
    if not all(p.mode == "L" for p in pictures):
        pictures = [p.convert("RGB") for p in pictures]
    stacked = torch.from_numpy(np.stack([np.asarray(p) for p in pictures]))
    x = stacked.float().div_(127.5).sub_(1)
    return x[:, None].expand(-1, 3, -1, -1) if x.ndim == 3 else x.permute(0, 3, 1, 2)


def sketch_tensor(sketches: list[Image.Image]) -> Tensor:
    """Black lines on white -> [B, 3, H, W], lines +1 on -1."""
    x = to_tensor(sketches)
    return -x if x.stride(1) else (-x[:, :1]).expand_as(x)  # grey ones stay one channel in memory

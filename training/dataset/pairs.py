"""Pairs of sketch and picture as training batches: which samples make a batch, and what a batch holds.

A batch goes one way: `Pairs.batch` draws, `Samples` reads pictures, `Cache` what was computed of them, `collate` makes
tensors of both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from lib_colorize.errors import ColorizeError
from training.dataset import augment
from training.dataset.batch import Batch
from training.dataset.cache_store import KINDS, Cache, samples_identity
from training.dataset.catalog import Catalog, list_samples
from training.dataset.collate import GRID, collate
from training.dataset.options import DataOptions
from training.dataset.samples import Sample, SampleReader

__all__ = ["Batch", "DataOptions", "Pairs", "open_pairs"]


def open_pairs(folder: str | Path, options: DataOptions, cache: Cache | None = None) -> Pairs:
    """The usable samples of a data folder. ColorizeError when it has none; `.report` says what was passed over.

    cache: of the same folder and options, from `training.cache`; `Pairs.with_cache` adds one later.
    """
    catalog = list_samples(Path(folder), options.where)
    if not catalog.keys:
        raise ColorizeError(f"{folder}: no usable pair of sketch and picture: {catalog.report}")
    pairs = Pairs(catalog, options)
    return pairs if cache is None else pairs.with_cache(cache)


class Pairs(SampleReader):
    """Samples, and what was cached of them, as batches."""

    def __init__(self, catalog: Catalog, options: DataOptions, cache: Cache | None = None) -> None:
        super().__init__(catalog, options)
        self.cache = cache

    @property
    def identity(self) -> str:
        """Of the samples: which pictures, and what is done to them before they are encoded for a cache."""
        return samples_identity(self.digest, self.options)

    def with_cache(self, cache: Cache) -> Pairs:
        """The same samples with what is cached in place of pictures; ColorizeError when it is not theirs."""
        pairs = self.cacheable()
        if pairs.identity != cache.identity:
            raise ColorizeError("the cache was made from other pictures or other data options; build it again")
        pairs.cache = cache
        return pairs

    def cacheable(self) -> Pairs:
        """The same samples by `DataOptions.cached`: without what changes a picture before it is encoded."""
        pairs = Pairs(self.catalog, self.options.cached()[0])
        pairs.__dict__["digest"] = self.digest
        return pairs

    def plan(self, seed: int, epoch: int, batch_size: int) -> list[list[int]]:
        """The global batches of one epoch, each of one bucket; the same on every rank.

        Every sample comes at least once. The last batch of a bucket is filled up with that bucket's first samples of
        this epoch, so that all batches have batch_size samples.
        """
        if batch_size < 1:
            raise ColorizeError(f"batch_size: found {batch_size}, expected at least 1")
        rng = np.random.default_rng((seed, epoch))
        batches: list[list[int]] = []
        for bucket in range(len(self.sizes)):
            order = rng.permutation(np.flatnonzero(self.bucket_of == bucket))
            count = -(-len(order) // batch_size)
            batches += np.resize(order, (count, batch_size)).tolist() if count else []
        return [batches[i] for i in rng.permutation(len(batches))]

    def batch(self, indices: Sequence[int], seed: int, epoch: int, window: int = 0) -> Batch:
        """`as_read` with pictures in [-1, 1]."""
        return self.as_read(indices, seed, epoch, window).scaled()

    def as_read(self, indices: Sequence[int], seed: int, epoch: int, window: int = 0) -> Batch:
        """The samples of one bucket, pictures as bytes, a pure function of (seed, epoch, index) for each.

        window > 0: a random window of so many px of sketch and target; the reference stays whole. A sample that turns
        out to be damaged is counted in the report, and the next good one of its bucket stands in for it.
        """
        buckets = {int(self.bucket_of[i]) for i in indices}
        if len(buckets) != 1:
            raise ColorizeError(f"a batch of {len(buckets)} buckets, expected the indices of one batch of `plan`")
        size = self.sizes[buckets.pop()]
        if window and (window > min(size) or window % GRID):
            raise ColorizeError(f"window: found {window} px, expected a multiple of {GRID} up to {min(size)}")
        draws = [augment.draw_augmentation(self.options, seed, epoch, int(i)) for i in indices]
        samples = [self.first_good(int(i), partial(self._read, drawn)) for i, drawn in zip(indices, draws)]
        return collate(samples, draws, window)

    def _read(self, drawn: augment.Draw, index: int) -> Sample:
        """The sample's pictures, but for those in whose place something is cached."""
        if self.cache is None:
            return self.sample(index, drawn)
        cached, source = self.cache.stored(index, drawn.flip)
        whole = len(self.cache.folders) == len(KINDS)
        return replace(self.sketch_alone(source, drawn) if whole else self.sample(source, drawn), cached=cached)

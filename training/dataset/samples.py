"""Samples by index: which pictures a data folder holds, each read and brought to the size of its bucket."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

import numpy as np
from PIL import Image
from torch import Tensor

from lib_colorize.errors import ColorizeError
from training.dataset import augment, decode
from training.dataset.buckets import bucket_sizes, nearest_bucket
from training.dataset.catalog import PARTS, Catalog, same_shape
from training.dataset.options import DataOptions

LOG = logging.getLogger(__name__)
Found = TypeVar("Found")


@dataclass(frozen=True)
class Sample:
    """What one sample of a batch is made of: pictures of the bucket's size, and what is cached in their place.

    The reference *is* the picture where the sample has none of its own.
    """

    sketch: Image.Image  # black lines on white, margins not erased
    color: Image.Image | None = None
    reference: Image.Image | None = None
    cached: Mapping[str, Tensor] = field(default_factory=dict)  # names as in Batch, without B


class SampleReader:
    """It holds no handles: forks, threads and pickles of it are as good as itself."""

    def __init__(self, catalog: Catalog, options: DataOptions) -> None:
        self.catalog, self.options = catalog, options
        self.report = catalog.report
        self.sizes = bucket_sizes(options)
        shapes, inverse = np.unique(catalog.sizes, axis=0, return_inverse=True)
        nearest = np.array([nearest_bucket((int(w), int(h)), self.sizes) for w, h in shapes], dtype=np.int64)
        self.bucket_of = nearest[inverse.ravel()]  # [N] index into `sizes`
        self.damaged: dict[int, str] = {}  # found while reading -> reason

    @cached_property
    def digest(self) -> str:
        """Hash of which pictures these are."""
        return self.catalog.digest()

    def __len__(self) -> int:
        return len(self.catalog.keys)

    def size_of(self, index: int) -> tuple[int, int]:
        """(width, height) of the sample's bucket."""
        return self.sizes[int(self.bucket_of[index])]

    def sample(self, index: int, drawn: augment.Draw) -> Sample:
        """All pictures of one sample; BadPicture if one is damaged."""
        color, sketch, mask, other = (self._picture(index, part) for part in PARTS)
        assert color is not None and sketch is not None, "the catalog lists samples that have both"
        if not same_shape(color.size, sketch.size):
            raise decode.BadPicture("sketch of another shape than its picture")
        if mask is not None and drawn.white_background:
            color, sketch = (augment.white_background(p, augment.resize(mask, p.size)) for p in (color, sketch))
        shown = augment.jitter(self._geometry(color, index, drawn), drawn.colour)
        reference = shown if other is None else augment.jitter(self._geometry(other, index, drawn), drawn.colour)
        return Sample(self._geometry(sketch, index, drawn), shown, reference)

    def sketch_alone(self, index: int, drawn: augment.Draw) -> Sample:
        """For samples whose pictures are cached, which are not opened."""
        sketch = self._picture(index, "sketch")
        assert sketch is not None, "the catalog lists samples that have one"
        return Sample(self._geometry(sketch, index, drawn))

    def _geometry(self, image: Image.Image, index: int, drawn: augment.Draw) -> Image.Image:
        return augment.geometry(image, drawn, self.size_of(index), self.options.crop == "squash")

    def _picture(self, index: int, part: str) -> Image.Image | None:
        if part == "mask" and not self.options.white_background:
            return None
        content = self.catalog.content(index, part)
        return None if content is None else decode.picture(content, grey=part in ("sketch", "mask"))

    def first_good(self, index: int, read: Callable[[int], Found]) -> Found:
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

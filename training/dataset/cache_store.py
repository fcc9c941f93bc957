"""The cache on disk: memory-mapped shards of latent moments and reference tokens, and the batches made of them.

ROOT/latents-KEY/ and ROOT/tokens-KEY/ hold one safetensors file for each ROWS samples of a bucket, in catalog order:
`mean`, `std` [n, flips, 4, h, w], `tokens` [n, flips, 1 + N, D] and `source` [n], the sample that was encoded (another
one stands in for a damaged one). flips = 2 when samples may be flipped: neither network commutes with that.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor

from lib_colorize.errors import ColorizeError
from training.dataset.augment import Draw
from training.dataset.batch import Batch
from training.dataset.decode import BadPicture
from training.dataset.pairs import cut, sketch_tensor, to_tensor, window_corner, windowed_sketch

if TYPE_CHECKING:
    from PIL import Image

    from training.dataset.pairs import Pairs

VERSION = 1  # of the pre-processing and of the layout of shards
GEOMETRY = ("resolution", "buckets", "bucket_step", "max_aspect", "crop", "flip")  # options that decide the pixels
ROWS = 128
KINDS = {"latents": ("mean", "std"), "tokens": ("tokens",)}  # directory -> what its shards hold


@dataclass(frozen=True)
class Shard:
    """So many samples of one bucket; `samples` are indices of the catalog."""

    bucket: int
    number: int
    samples: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.bucket:03d}-{self.number:06d}.safetensors"


def shards_of(bucket_of: np.ndarray) -> list[Shard]:
    """bucket_of: [N] bucket of every sample -> all shards."""
    found = []
    for bucket in np.unique(bucket_of):
        samples = np.flatnonzero(bucket_of == bucket)
        found += [Shard(int(bucket), i, tuple(samples[i * ROWS:(i + 1) * ROWS].tolist()))
                  for i in range(-(-len(samples) // ROWS))]
    return found


def samples_identity(pairs: Pairs) -> str:
    """Of the samples: which pictures, and what is done to them before they are encoded."""
    options = asdict(pairs.options.cached()[0])
    made = {"version": VERSION, "data": pairs.digest, **{name: options[name] for name in GEOMETRY}}
    return hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()


class Cache:
    """What was computed for one set of samples; picklable, reads only."""

    def __init__(self, folders: dict[str, Path], identity: str, bucket_of: np.ndarray) -> None:
        """folders: kind -> its complete directory; identity: `samples_identity` of them."""
        self.folders, self.identity, self.bucket_of = folders, identity, bucket_of
        self.place = np.zeros(len(bucket_of), dtype=np.int64)  # of a sample within its bucket
        for bucket in np.unique(bucket_of):
            samples = np.flatnonzero(bucket_of == bucket)
            self.place[samples] = np.arange(len(samples))

    def require(self, pairs: Pairs) -> None:
        """ColorizeError unless it was made from these samples by these options."""
        if samples_identity(pairs) != self.identity:
            raise ColorizeError("the cache was made from other pictures or other data options; build it again")

    def row(self, kind: str, sample: int, flip: bool) -> tuple[dict[str, Tensor], int]:
        """name -> what is stored of one sample, float32, and the sample that it was made from."""
        shard, row = Shard(int(self.bucket_of[sample]), int(self.place[sample]) // ROWS), int(self.place[sample]) % ROWS
        handle = _open(self.folders[kind] / shard.name)
        found = {name: handle.get_slice(name)[row, int(flip)].float() for name in KINDS[kind]}
        return found, int(handle.get_slice("source")[row:row + 1])

    def batch(self, pairs: Pairs, samples: list[int], draws: list[Draw], window: int) -> Batch:
        """The batch of `Pairs.batch`, with what is cached in place of pictures."""
        found = [pairs.first_good(sample, lambda i, d=drawn: self._sample(pairs, i, d, window))
                 for sample, drawn in zip(samples, draws)]
        sketches = [windowed_sketch(sketch, drawn, window) for (sketch, _, _), drawn in zip(found, draws)]
        stored = {name: torch.stack([tensors[name] for _, _, tensors in found]) for name in found[0][2]}
        colors = [colors for _, colors, _ in found if colors is not None]
        whole = to_tensor([reference for _, reference in colors]) if colors else None
        target = to_tensor([cut(color, d, window) for (color, _), d in zip(colors, draws)]) if colors else None
        return Batch(sketch=sketch_tensor(sketches), color=None if "mean" in stored else target,
                     reference=None if "tokens" in stored else whole, **stored)

    def _sample(
        self, pairs: Pairs, sample: int, drawn: Draw, window: int,
    ) -> tuple[Image.Image, tuple[Image.Image, Image.Image] | None, dict[str, Tensor]]:
        """Sketch; picture and reference, where they are needed still; what is stored."""
        stored: dict[str, Tensor] = {}
        sources = set()
        for kind in self.folders:
            tensors, source = self.row(kind, sample, drawn.flip)
            if kind == "latents":
                tensors = {name: _cut(latent, pairs, sample, drawn, window) for name, latent in tensors.items()}
            stored |= tensors
            sources.add(source)
        if len(sources) > 1:
            raise BadPicture("cached from two pictures")  # one was damaged between the two runs
        if len(self.folders) == len(KINDS):
            return pairs.sketch(source, drawn), None, stored
        sketch, color, reference = pairs.sample(source, drawn)
        return sketch, (color, reference), stored


def _cut(latent: Tensor, pairs: Pairs, sample: int, drawn: Draw, window: int) -> Tensor:
    """The window of a latent; [4, h, w] -> [4, window / factor, window / factor]."""
    if not window:
        return latent
    size = pairs.size_of(sample)
    factor = size[0] // latent.shape[-1]
    (left, top), side = window_corner(drawn, size, window), window // factor
    return latent[:, top // factor:top // factor + side, left // factor:left // factor + side]


@lru_cache(maxsize=64)
def _open(path: Path) -> Any:
    """A mapped shard; maps are read-only, so that forked workers share them."""
    try:
        return safe_open(path, framework="pt").__enter__()
    except Exception as error:  # noqa: BLE001 - the Rust side raises its own types
        raise ColorizeError(f"{path}: cannot be read ({error}); build the cache again") from None

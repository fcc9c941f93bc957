"""The cache on disk: memory-mapped shards of latent moments and reference tokens.

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
from typing import Any

import numpy as np
from safetensors import safe_open
from torch import Tensor

from lib_colorize.errors import ColorizeError
from training.dataset.decode import BadPicture
from training.dataset.options import DataOptions

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


def samples_identity(digest: str, options: DataOptions) -> str:
    """Of samples: which pictures, by their digest, and what is done to them before they are encoded."""
    kept = asdict(options.cached()[0])
    made = {"version": VERSION, "data": digest, **{name: kept[name] for name in GEOMETRY}}
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

    def stored(self, sample: int, flip: bool) -> tuple[dict[str, Tensor], int]:
        """name -> what is stored of one sample, float32, and the sample that it was made from.

        BadPicture when latents and tokens were made from two: one was damaged between the two runs.
        """
        found: dict[str, Tensor] = {}
        sources = set()
        number, row = divmod(int(self.place[sample]), ROWS)
        shard = Shard(int(self.bucket_of[sample]), number)
        for kind, folder in self.folders.items():
            handle = _open(folder / shard.name)
            found |= {name: handle.get_slice(name)[row, int(flip)].float() for name in KINDS[kind]}
            sources.add(int(handle.get_slice("source")[row:row + 1]))
        if len(sources) > 1:
            raise BadPicture("cached from two pictures")
        return found, sources.pop()


@lru_cache(maxsize=64)
def _open(path: Path) -> Any:
    """A mapped shard; maps are read-only, so that forked workers share them."""
    try:
        return safe_open(path, framework="pt")
    except Exception as error:  # noqa: BLE001 - the Rust side raises its own types
        raise ColorizeError(f"{path}: cannot be read ({error}); build the cache again") from None

"""How large a cache gets, where it lies, and which of its shards are there: told before anything is computed."""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass
from pathlib import Path

import torch

from lib_colorize.errors import ColorizeError
from training.dataset.cache_key import Networks, keys, row_shapes, short
from training.dataset.cache_store import Shard, shards_of
from training.dataset.pairs import Pairs


@dataclass(frozen=True)
class Estimate:
    """Sizes in bytes, told before anything is computed."""

    bytes_of: dict[str, int]  # kind -> all its shards
    done: int  # bytes that are there already
    free: int  # on the disk
    samples: int
    off: list[str]  # augmentations that a cache takes away

    def __str__(self) -> str:
        sizes = ", ".join(f"{kind} {count / 1e9:.3f} GB ({count / self.samples / 1e3:.1f} kB a sample)"
                          for kind, count in self.bytes_of.items())
        off = f"; off with a cache: {', '.join(self.off)}" if self.off else ""
        return (f"{self.samples} samples: {sizes}; {self.done / 1e9:.3f} GB are there, {self.free / 1e9:.1f} GB free"
                f"{off}")


def folders_of(pairs: Pairs, root: Path, networks: Networks, dtype: torch.dtype) -> dict[str, Path]:
    made = keys(pairs.identity, networks, dtype)
    if not made:
        raise ColorizeError("nothing to cache: give a VAE, a reference encoder, or both")
    return {kind: root / f"{kind}-{short(key)}" for kind, key in made.items()}


def _bytes_of(shard: Shard, shapes: dict[str, tuple[int, ...]], flips: int, dtype: torch.dtype) -> int:
    """Of the numbers alone, without the file's header."""
    values = sum(math.prod(shape) for shape in shapes.values())
    return len(shard.samples) * (flips * values * dtype.itemsize + 8)  # 8: source


def _complete(path: Path, wanted: int) -> bool:
    """True for a shard of that size; they are renamed when whole, so only a failing disk leaves others."""
    if not path.exists() or path.stat().st_size < wanted:
        return False
    with path.open("rb") as stream:
        return path.stat().st_size == 8 + int.from_bytes(stream.read(8), "little") + wanted


def missing_shards(pairs: Pairs, folders: dict[str, Path], networks: Networks, dtype: torch.dtype) -> tuple[
        list[tuple[Shard, list[str]]], dict[str, int], int]:
    """Shards with the kinds that they lack; bytes of each kind in all; bytes that are there."""
    flips = 2 if pairs.options.flip else 1
    missing, sizes, done = [], dict.fromkeys(folders, 0), 0
    for shard in shards_of(pairs.bucket_of):
        shapes = row_shapes(networks, pairs.sizes[shard.bucket])
        lacks = []
        for kind, folder in folders.items():
            wanted = _bytes_of(shard, shapes[kind], flips, dtype)
            sizes[kind] += wanted
            if _complete(folder / shard.name, wanted):
                done += wanted
            else:
                lacks.append(kind)
        if lacks:
            missing.append((shard, lacks))
    return missing, sizes, done


def estimate(pairs: Pairs, root: Path, networks: Networks, dtype: torch.dtype = torch.float16) -> Estimate:
    """How large the cache of these samples is, exactly but for file headers."""
    folders = folders_of(pairs, root, networks, dtype)
    _, sizes, done = missing_shards(pairs, folders, networks, dtype)
    existing = next(p for p in (root, *root.resolve().parents) if p.exists())
    return Estimate(sizes, done, shutil.disk_usage(existing).free, len(pairs), pairs.options.cached()[1])

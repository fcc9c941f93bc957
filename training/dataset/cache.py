"""Encode all samples once: latent moments by the VAE, tokens by the reference encoder, on disk.

Says first how large it gets. It may be killed at any moment, and goes on when it is called again. What was made by
other weights, pictures or options lies under another name and is never read.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from lib_colorize.errors import ColorizeError
from lib_colorize.whole_file import replacing, write_whole
from training.dataset import workers as engine
from training.dataset.augment import Draw
from training.dataset.cache_key import Networks, keys, row_shapes, short
from training.dataset.cache_store import KINDS, Cache, Shard, samples_identity, shards_of
from training.dataset.pairs import Pairs, to_tensor

__all__ = ["Cache", "Estimate", "Networks", "build_cache", "estimate", "open_cache"]
STILL = Draw(False, 0.0, 1.0, (0.5, 0.5), (1.0, 1.0, 1.0), (0, 0), False, (0.0, 0.0))  # no chance in a cache
FLIPPED = Draw(True, 0.0, 1.0, (0.5, 0.5), (1.0, 1.0, 1.0), (0, 0), False, (0.0, 0.0))
Load = Callable[[], Networks]


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


def _folders(pairs: Pairs, root: Path, networks: Networks, dtype: torch.dtype) -> dict[str, Path]:
    made = keys(samples_identity(pairs), networks, dtype)
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


def _missing(pairs: Pairs, folders: dict[str, Path], networks: Networks, dtype: torch.dtype) -> tuple[
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
    folders = _folders(pairs, root, networks, dtype)
    _, sizes, done = _missing(pairs, folders, networks, dtype)
    existing = next(p for p in (root, *root.resolve().parents) if p.exists())
    return Estimate(sizes, done, shutil.disk_usage(existing).free, len(pairs), pairs.options.cached()[1])


def open_cache(pairs: Pairs, root: Path, networks: Networks, dtype: torch.dtype = torch.float16) -> Cache:
    """The finished cache of these samples by these networks; its `folders` say which kinds there are.

    A kind that was never cached under this root is left out (tokens of millions of pictures take terabytes).
    ColorizeError when one is not all there, when there are only such of other weights, pictures or options, or none.
    """
    wanted = _folders(pairs, root, networks, dtype)
    stale = stale_folders(root, wanted)
    folders = {kind: folder for kind, folder in wanted.items()
               if folder.exists() or any(other.name.startswith(kind) for other in stale)}
    missing, _, _ = _missing(pairs, folders or wanted, networks, dtype)
    if missing:
        raise ColorizeError(f"{root}: {len(missing)} shards are missing of the cache for these weights, pictures and "
                            f"options (others there: {', '.join(p.name for p in stale) or 'none'}); build it with "
                            "training.dataset.cache")
    return Cache(folders, samples_identity(pairs), pairs.bucket_of)


def stale_folders(root: Path, folders: dict[str, Path]) -> list[Path]:
    """Caches under the root that were made from something else."""
    found = (p for kind in KINDS for p in root.glob(f"{kind}-{'?' * 16}") if p.is_dir())
    return sorted(p for p in found if p not in folders.values())


def build_cache(
    pairs: Pairs, root: Path, networks: Networks | Load, *, dtype: torch.dtype = torch.float16, batch_size: int = 8,
    engine_name: str = "local", workers: int = 0, gpus: float = 0.0, report: Callable[[str], None] = print,
) -> Cache:
    """Compute what is missing; returns the finished cache.

    networks: with workers or Ray a picklable function that makes them, on the device where they shall run.
    """
    load = networks if callable(networks) else None
    made: Networks = load() if load else networks  # type: ignore[assignment]
    size = estimate(pairs, root, made, dtype)
    report(str(size))
    pairs = pairs.cacheable()
    if sum(size.bytes_of.values()) - size.done > size.free:
        raise ColorizeError(f"{root}: {sum(size.bytes_of.values()) / 1e9:.1f} GB are needed and {size.free / 1e9:.1f} "
                            "GB free; use another disk, cache one of the two, or none")
    folders = _folders(pairs, root, made, dtype)
    for kind, key in keys(samples_identity(pairs), made, dtype).items():
        folders[kind].mkdir(parents=True, exist_ok=True)
        write_whole(folders[kind] / "made_from.json", json.dumps(key, indent=1))
    missing, _, _ = _missing(pairs, folders, made, dtype)
    jobs = [{"bucket": s.bucket, "number": s.number, "samples": s.samples, "kinds": lacks} for s, lacks in missing]
    here = engine_name == "local" and not workers
    if not here and load is None:
        raise ColorizeError("workers and Ray need a function that loads the networks, not the networks themselves")
    make = partial(_worker, pairs, folders, (lambda: made) if here else load, dtype, batch_size)
    for count, result in enumerate(engine.run(jobs, make, engine_name, workers, gpus), 1):
        for index, reason in result["damaged"]:
            pairs.mark_damaged(index, reason)
        report(f"{count} of {len(jobs)} shards")
    return open_cache(pairs, root, made, dtype)


def _worker(pairs: Pairs, folders: dict[str, Path], load: Load, dtype: torch.dtype, batch_size: int) -> engine.Work:
    networks = load()

    def work(job: dict[str, Any]) -> dict[str, Any]:
        shard = Shard(job["bucket"], job["number"], tuple(job["samples"]))
        for kind in job["kinds"]:
            with replacing(folders[kind] / shard.name) as unfinished:
                save_file(_encode(pairs, shard, networks, kind, dtype, batch_size), unfinished)
        return {"damaged": list(pairs.damaged.items())}

    return work


@torch.no_grad()
def _encode(
    pairs: Pairs, shard: Shard, networks: Networks, kind: str, dtype: torch.dtype, batch_size: int,
) -> dict[str, Tensor]:
    """The tensors of one shard."""
    rows: dict[str, list[Tensor]] = {name: [] for name in KINDS[kind]}
    sources: list[int] = []
    for start in range(0, len(shard.samples), batch_size):
        part = shard.samples[start:start + batch_size]
        by_flip: dict[str, list[Tensor]] = {name: [] for name in rows}
        for drawn in (STILL, FLIPPED)[:2 if pairs.options.flip else 1]:
            used, color = _colors(pairs, part, drawn, reference=kind == "tokens")
            for name, value in _outputs(color, networks, kind).items():
                by_flip[name].append(value)
        sources += used
        for name, values in by_flip.items():
            rows[name].append(torch.stack(values, dim=1))
    tensors = {name: torch.cat(values) for name, values in rows.items()}
    if not all(bool(torch.isfinite(value.to(dtype)).all()) for value in tensors.values()):
        raise ColorizeError(f"{kind}: values that {dtype} cannot hold; cache in bfloat16 or float32")
    return {**{name: value.to(dtype).contiguous() for name, value in tensors.items()}, "source": torch.tensor(sources)}


def _colors(pairs: Pairs, samples: tuple[int, ...], drawn: Draw, reference: bool) -> tuple[list[int], Tensor]:
    """Which samples, others for damaged ones, and their pictures or references [B, 3, H, W] in [-1, 1]."""
    found = [pairs.first_good(i, lambda j: (j, pairs.sample(j, drawn)[2 if reference else 1])) for i in samples]
    return [i for i, _ in found], to_tensor([color for _, color in found])


def _outputs(color: Tensor, networks: Networks, kind: str) -> dict[str, Tensor]:
    """color: [B, 3, H, W] in [-1, 1] -> float32 on the CPU, [B, ...]."""
    if kind == "latents":
        assert networks.vae is not None
        weight = networks.vae.quant_conv.weight
        mean, logvar = networks.vae.encode(color.to(weight.device, weight.dtype))
        scale = networks.vae.scale_factor
        return {"mean": (scale * mean.float()).cpu(), "std": (scale * (0.5 * logvar.float()).exp()).cpu()}
    assert networks.reference_encoder is not None
    return {"tokens": networks.reference_encoder(color).float().cpu()}

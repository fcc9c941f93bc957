"""Encode all samples once: latent moments by the VAE, tokens by the reference encoder, on disk.

Says first how large it gets. It may be killed at any moment, and goes on when it is called again. What was made by
other weights, pictures or options lies under another name and is never read.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from lib_colorize.errors import ColorizeError
from lib_colorize.whole_file import replacing, write_whole
from training.dataset import workers as processes
from training.dataset.cache_key import Networks, keys
from training.dataset.cache_size import Estimate, estimate, folders_of, missing_shards
from training.dataset.cache_store import KINDS, Cache, Shard
from training.dataset.encoding import encode_shard
from training.dataset.pairs import Pairs

__all__ = ["Cache", "Estimate", "Networks", "build_cache", "estimate", "open_cache", "stale_folders"]
Load = Callable[[], Networks]


def open_cache(pairs: Pairs, root: Path, networks: Networks, dtype: torch.dtype = torch.float16) -> Cache:
    """The finished cache of these samples by these networks; its `folders` say which kinds there are.

    A kind that was never cached under this root is left out (tokens of millions of pictures take terabytes).
    ColorizeError when one is not all there, when there are only such of other weights, pictures or options, or none.
    """
    wanted = folders_of(pairs, root, networks, dtype)
    stale = stale_folders(root, wanted)
    folders = {kind: folder for kind, folder in wanted.items()
               if folder.exists() or any(other.name.startswith(kind) for other in stale)}
    missing, _, _ = missing_shards(pairs, folders or wanted, networks, dtype)
    if missing:
        raise ColorizeError(f"{root}: {len(missing)} shards are missing of the cache for these weights, pictures and "
                            f"options (others there: {', '.join(p.name for p in stale) or 'none'}); build it with "
                            "training.cache")
    return Cache(folders, pairs.identity, pairs.bucket_of)


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
    made = networks if isinstance(networks, Networks) else networks()
    size = estimate(pairs, root, made, dtype)
    report(str(size))
    pairs = pairs.cacheable()
    if sum(size.bytes_of.values()) - size.done > size.free:
        raise ColorizeError(f"{root}: {sum(size.bytes_of.values()) / 1e9:.1f} GB are needed and {size.free / 1e9:.1f} "
                            "GB free; use another disk, cache one of the two, or none")
    folders = folders_of(pairs, root, made, dtype)
    for kind, key in keys(pairs.identity, made, dtype).items():
        folders[kind].mkdir(parents=True, exist_ok=True)
        write_whole(folders[kind] / "made_from.json", json.dumps(key, indent=1))
    missing, _, _ = missing_shards(pairs, folders, made, dtype)
    jobs = [{"bucket": s.bucket, "number": s.number, "samples": s.samples, "kinds": lacks} for s, lacks in missing]
    here = engine_name == "local" and not workers
    if not here and isinstance(networks, Networks):
        raise ColorizeError("workers and Ray need a function that loads the networks, not the networks themselves")
    load = networks if not here and callable(networks) else lambda: made
    make = partial(_worker, pairs, folders, load, dtype, batch_size)
    for count, result in enumerate(processes.run_tasks(jobs, make, engine_name, workers, gpus), 1):
        for index, reason in result["damaged"]:
            pairs.mark_damaged(index, reason)
        report(f"{count} of {len(jobs)} shards")
    return open_cache(pairs, root, made, dtype)


def _worker(pairs: Pairs, folders: dict[str, Path], load: Load, dtype: torch.dtype, batch_size: int) -> processes.Work:
    networks = load()

    def work(job: dict[str, Any]) -> dict[str, Any]:
        shard = Shard(job["bucket"], job["number"], tuple(job["samples"]))
        for kind in job["kinds"]:
            tensors = encode_shard(pairs, shard, networks, kind, dtype, batch_size)
            with replacing(folders[kind] / shard.name) as unfinished:
                save_file(tensors, unfinished)
        return {"damaged": list(pairs.damaged.items())}

    return work

"""--dry-run: the whole configuration, parameter counts, memory, disk and time, without a step of training.

FLOPs and memory are counted (`costs`); the speed is that of a matrix product here, of which training reaches about a
third. The size of a part, not a guess about it, decides the memory.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch

from training.dataset.pairs import Pairs
from training.trainer.costs import Costs, checkpoint_bytes, costs, memory
from training.trainer.dataclass_json import to_plain
from training.trainer.feed import Share
from training.trainer.progress import epoch_images
from training.trainer.recipe import Recipe

REACHED = 1 / 3  # share of a matrix product's speed that a step of training reaches
GB = 1e9


def matmul_speed(device: torch.device, dtype: torch.dtype, seconds: float = 0.5) -> float:
    """FLOP/s of a square matrix product on this machine."""
    n = 4096 if device.type == "cuda" else 512
    a = torch.randn(n, n, device=device, dtype=dtype)
    (a @ a).sum().item()
    count, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        (a @ a).sum().item()
        count += 1
    return 2 * n**3 * count / (time.perf_counter() - begin)


def describe_run(recipe: Recipe, pairs: Pairs, most: int, out: Path) -> str:
    """Everything as text. most: images at which the run stops, if its stages do not end before."""
    world, kind = int(os.environ.get("WORLD_SIZE", "1")), _kind()
    precise = with_precision(recipe, os.environ)
    share = Share.of(recipe, 0, world)
    found = costs(precise, -(-recipe.optimizer.batch_size // world // share.parts))
    epoch = epoch_images(pairs, recipe.optimizer.batch_size)
    end = min(recipe.length(epoch), most)
    return "\n".join([
        json.dumps(to_plain(recipe), indent=1),
        f"data: {pairs.report}; {end:,} images in all, {epoch:,} an epoch",
        *(f"  {stage.name}: {stage.length(epoch):,} images" for stage in recipe.stages),
        "parameters: " + _counts(found.parameters) + f"; trained {found.trained / 1e6:.1f} M",
        "frozen: " + (_counts(found.frozen) or "none"),
        f"a step: {recipe.optimizer.batch_size} samples = {world} process(es) x {share.parts} part(s); "
        f"{found.flops / 1e9:.0f} GFLOP a sample",
        *_memory(precise, found, world, kind), _disk(recipe, found, out), _time(precise, found, epoch, end, world)])


def with_precision(recipe: Recipe, environment: Mapping[str, str]) -> Recipe:
    """The recipe with the precision that accelerate's configuration has where it leaves that open."""
    precision = recipe.run.precision or environment.get("ACCELERATE_MIXED_PRECISION", "no")
    known = precision if precision in ("no", "bf16", "fp16") else "bf16"
    return replace(recipe, run=replace(recipe.run, precision=known))


def _counts(parameters: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {n / 1e6:.1f} M" for name, n in parameters.items())


def _memory(recipe: Recipe, found: Costs, world: int, kind: str) -> list[str]:
    sizes = {name: size for name, size in memory(recipe, found, world, kind).items() if size}
    return [f"memory of one device ({kind}, precision {recipe.run.precision}, {found.samples} samples at once), at its "
            f"fullest moment: {sum(sizes.values()) / GB:.1f} GB",
            *(f"  {name} {size / GB:.2f} GB" for name, size in sizes.items()),
            "  besides: what CUDA itself takes (about 0.5 GB), and up to a tenth that is reserved and not used"]


def _disk(recipe: Recipe, found: Costs, out: Path) -> str:
    one = checkpoint_bytes(recipe, found)
    kept = recipe.run.keep + len(recipe.stages) - 1
    existing = next(path for path in (out, *out.resolve().parents) if path.exists())
    return (f"disk: a checkpoint {one / GB:.1f} GB; {kept} are kept and one more while it is written, "
            f"{(kept + 1) * one / GB:.1f} GB{', and one an epoch' if recipe.run.keep_epochs else ''}; "
            f"{shutil.disk_usage(existing).free / GB:.1f} GB free")


def _time(recipe: Recipe, found: Costs, epoch: int, end: int, world: int) -> str:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(recipe.run.precision, torch.float32)
    speed = REACHED * matmul_speed(device, dtype) * world
    seconds = sum(count * found.flops * area / speed for count, area in _by_stage(recipe, epoch, end))
    rate = end / seconds
    pace = f"{rate:.3g} images/s" if rate >= 1 else f"{1 / rate:.3g} s an image"
    return (f"time: about {_duration(seconds)} at {pace} (a third of this machine's matrix products"
            f"{'' if device.type == 'cuda' else ', on a CPU'}; without reading pictures and frozen networks)")


def _by_stage(recipe: Recipe, epoch: int, end: int) -> list[tuple[int, float]]:
    """(images, share of a whole picture's area that the U-Net sees) of every stage until `end`."""
    found, before = [], 0
    for stage in recipe.stages:
        count = max(0, min(stage.length(epoch), end - before))
        before += count
        found.append((count, (stage.window / recipe.data.resolution) ** 2 if stage.window else 1.0))
    return found


def _kind() -> str:
    if os.environ.get("ACCELERATE_USE_DEEPSPEED") == "true":
        return "DEEPSPEED"
    return "FSDP" if os.environ.get("ACCELERATE_USE_FSDP") == "true" else "plain"


def _duration(seconds: float) -> str:
    for unit, length in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} seconds"

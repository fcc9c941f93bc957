"""Checkpoints of a run: whole or not there at all, the last ones kept.

accelerate writes weights, optimizer, scaler and RNG (sharded ones too); the moving average and the position in the
data lie beside them. A folder gets its final name only when all of it is on the disk.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from lib_colorize.errors import ColorizeError
from lib_colorize.whole_file import sync, write_whole
from training.trainer.dataclass_json import differing
from training.trainer.ema import EMA
from training.trainer.feed import Position
from training.trainer.recipes import FREE
from training.trainer.run_folder import POSITION, RUN, checkpoints

UNFINISHED = "unfinished-"


def save(accelerator: Accelerator, out: Path, position: Position, ema: EMA | None, keep: int) -> Path:
    """Write a checkpoint; all processes call it. A kill at any moment leaves the ones before as they were."""
    final = out / "checkpoints" / f"{position.images:012d}"
    unfinished = final.with_name(UNFINISHED + final.name)
    if accelerator.is_main_process:
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
    accelerator.wait_for_everyone()
    accelerator.save_state(str(unfinished), safe_serialization=False)  # safetensors refuses channels_last weights
    if ema and (sharded(accelerator) or accelerator.is_main_process):
        torch.save(ema.state_dict(), unfinished / _ema_file(accelerator))
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        where = {**asdict(position), "world": accelerator.num_processes, "kind": accelerator.distributed_type.value}
        (unfinished / POSITION).write_text(json.dumps(where), encoding="utf-8")
        for file in sorted(unfinished.rglob("*")):
            sync(file)
        shutil.rmtree(final, ignore_errors=True)
        os.replace(unfinished, final)
        sync(final.parent)
        for old in checkpoints(out)[:-keep]:
            shutil.rmtree(old)
    accelerator.wait_for_everyone()
    return final


def load(accelerator: Accelerator, out: Path, ema: EMA | None) -> Position:
    """Go on from the last checkpoint, or from the start when there is none; all processes call it."""
    if accelerator.is_main_process:
        for leftover in (out / "checkpoints").glob(UNFINISHED + "*"):
            shutil.rmtree(leftover, ignore_errors=True)
    found = checkpoints(out)
    if not found:
        return Position()
    where = json.loads((found[-1] / POSITION).read_text(encoding="utf-8"))
    world, kind = where.pop("world"), where.pop("kind")
    now = accelerator.num_processes, accelerator.distributed_type.value
    if (sharded(accelerator) or kind in ("FSDP", "DEEPSPEED")) and (world, kind) != now:
        raise ColorizeError(f"{found[-1]}: written by {world} processes ({kind}), this run has {now[0]} ({now[1]}); "
                            "resume sharded training as it began")
    accelerator.load_state(str(found[-1]))
    if ema:
        ema.load_state_dict(torch.load(found[-1] / _ema_file(accelerator), map_location="cpu", weights_only=True))
    return Position(**where)


def sharded(accelerator: Accelerator) -> bool:
    """True when every process holds only a part of the weights."""
    return bool(accelerator.distributed_type.value == "FSDP")


def claim(out: Path, description: Mapping[str, Any]) -> None:
    """Write RUN/run.json; ColorizeError when the run in `out` has a checkpoint and is another one.

    Before its first checkpoint there is nothing to lose, and a wrong setting may be put right.
    description: preset, seed, samples and the recipe as plain JSON.
    """
    file = out / RUN
    if checkpoints(out):
        if not file.exists():
            raise ColorizeError(f"{out}: has checkpoints and no {RUN}, expected both; name another --out")
        stored = json.loads(file.read_text(encoding="utf-8"))
        changes = differing(_fixed(description), _fixed(stored))
        if changes:
            raise ColorizeError(f"{out}: holds a run with another configuration ({'; '.join(changes[:4])}"
                                f"{'; ...' if len(changes) > 4 else ''}); repeat its settings, or name another --out")
    write_whole(file, json.dumps(description, indent=1))


def _fixed(description: Mapping[str, Any]) -> dict[str, Any]:
    recipe = {key: value for key, value in description["recipe"].items() if key not in FREE}
    return {**description, "recipe": recipe}


def _ema_file(accelerator: Accelerator) -> str:
    return f"ema-{accelerator.process_index if sharded(accelerator) else 0}.pt"

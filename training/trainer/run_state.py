"""Checkpoints of a run: whole or not there at all, the last ones kept.

accelerate writes weights, optimizer, scaler and RNG (sharded ones too); the moving average and the position in the
data lie beside them. A folder gets its final name only when all of it is on the disk.
"""

from __future__ import annotations

import datetime
import json
import os
import shutil
from contextlib import suppress
from dataclasses import asdict, fields
from pathlib import Path

import torch
from accelerate import Accelerator

from lib_colorize.errors import ColorizeError
from lib_colorize.whole_file import sync
from training.trainer.ema import EMA
from training.trainer.feed import Position
from training.trainer.run_folder import MILESTONE, POSITION, checkpoints

UNFINISHED = "unfinished-"


def save_checkpoint(
    accelerator: Accelerator, out: Path, position: Position, ema: EMA | None, keep: int, milestone: str = "",
) -> Path:
    """Write a checkpoint; all processes call it. A kill at any moment leaves the ones before as they were.

    keep: the last so many stay, and all with a milestone, in words.
    """
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
        where = {**asdict(position), "world": accelerator.num_processes, "kind": accelerator.distributed_type.value,
                 "date": datetime.date.today().isoformat()}
        (unfinished / POSITION).write_text(json.dumps(where), encoding="utf-8")
        if milestone:
            (unfinished / MILESTONE).write_text(milestone + "\n", encoding="utf-8")
        for file in sorted(unfinished.rglob("*")):
            sync(file)
        shutil.rmtree(final, ignore_errors=True)
        os.replace(unfinished, final)
        sync(final.parent)
        for old in checkpoints(out)[:-keep]:
            if not (old / MILESTONE).exists():
                _remove(old)
    accelerator.wait_for_everyone()
    return final


def load_checkpoint(accelerator: Accelerator, out: Path, ema: EMA | None) -> Position:
    """Go on from the last checkpoint, or from the start when there is none; all processes call it."""
    if accelerator.is_main_process:
        for leftover in (out / "checkpoints").glob(UNFINISHED + "*"):
            shutil.rmtree(leftover, ignore_errors=True)
    found = checkpoints(out)
    if not found:
        return Position()
    where = json.loads((found[-1] / POSITION).read_text(encoding="utf-8"))
    world, kind = where["world"], where["kind"]
    now = accelerator.num_processes, accelerator.distributed_type.value
    if (sharded(accelerator) or kind in ("FSDP", "DEEPSPEED")) and (world, kind) != now:
        raise ColorizeError(f"{found[-1]}: written by {world} processes ({kind}), this run has {now[0]} ({now[1]}); "
                            "resume sharded training as it began")
    accelerator.load_state(str(found[-1]))
    if ema:
        ema.load_state_dict(torch.load(found[-1] / _ema_file(accelerator), map_location="cpu", weights_only=True))
    return Position(**{f.name: where[f.name] for f in fields(Position)})


def _remove(checkpoint: Path) -> None:
    """Renamed first, so that a kill leaves no half of it under its name. Where another program has a file of it open
    (Windows), the next checkpoint tries again.
    """
    going = checkpoint.with_name(UNFINISHED + checkpoint.name)
    with suppress(OSError):
        shutil.rmtree(going, ignore_errors=True)
        checkpoint.replace(going)
        shutil.rmtree(going)


def sharded(accelerator: Accelerator) -> bool:
    """True when every process holds only a part of the weights."""
    return bool(accelerator.distributed_type.value == "FSDP")


def _ema_file(accelerator: Accelerator) -> str:
    return f"ema-{accelerator.process_index if sharded(accelerator) else 0}.pt"

"""What a run tells: log.jsonl, trackers, a bar; the loss by timestep and the speed."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import ProjectConfiguration
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from lib_colorize.errors import ColorizeError
from lib_colorize.whole_file import write_whole

BINS = 10  # of t, equally wide: an early t is nearly no noise


class ThroughputMeter:
    """Sums of the losses since the last record, by bins of t; on the device until they are read."""

    def __init__(self, device: torch.device, steps: int) -> None:
        self.steps, self.device = steps, device
        self._reset()

    def _reset(self) -> None:
        self.images = 0
        self.norm = torch.zeros(2, device=self.device)  # sum of norms, steps
        self.sums = torch.zeros(2, BINS, device=self.device)  # losses, samples
        self.since = time.perf_counter()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """What is done inside is no training, and does not count in the speed."""
        begin = time.perf_counter()
        yield
        self.since += time.perf_counter() - begin

    def add(self, losses: Tensor, t: Tensor, real: Tensor) -> None:
        """losses, t, real: [B] of one part; real is 0 for a sample that only fills up."""
        bins = t * BINS // self.steps
        self.sums[0].index_add_(0, bins, losses.detach().float() * real)
        self.sums[1].index_add_(0, bins, real.to(self.sums))

    def add_norm(self, norm: Tensor | float | None) -> None:
        """The gradient's norm of one step, before clipping."""
        if norm is not None:
            norm = norm.full_tensor() if hasattr(norm, "full_tensor") else norm  # FSDP's is in shares
            self.norm += torch.stack([torch.as_tensor(norm, device=self.norm.device).float(), self.norm.new_ones(())])

    def read(self, accelerator: Accelerator) -> dict[str, Any]:
        """Means over all processes, and a fresh start; all call it. ColorizeError when a loss is not finite."""
        sums = accelerator.reduce(self.sums, "sum").double().cpu()
        norm = self.norm.double().cpu()
        seconds = time.perf_counter() - self.since
        loss = float(sums[0].sum() / sums[1].sum())
        if not math.isfinite(loss):
            raise ColorizeError(f"the loss became {loss}; nothing of these steps is saved. Run again with a lower "
                                "learning rate, or in another precision (--set run.precision=no)")
        record = {"loss": loss, "images_per_second": float(self.images / seconds),
                  "loss_by_t": [float(s / n) if n else None for s, n in zip(*sums)],
                  "grad_norm": float(norm[0] / norm[1]) if norm[1] else None}
        self._reset()
        return record


class Log:
    """log.jsonl, the trackers of accelerate (tensorboard, wandb) and a bar; the main process alone writes."""

    def __init__(self, accelerator: Accelerator, out: Path, images: int, end: int, config: Mapping[str, Any]) -> None:
        self.accelerator, self.file, self.writes = accelerator, out / "log.jsonl", accelerator.is_main_process
        if self.writes:
            forget_after(self.file, images)
        if accelerator.log_with:
            accelerator.init_trackers("colorize", config=flat(config))
        self.bar = tqdm(total=end, initial=images, unit="image", unit_scale=True, dynamic_ncols=True,
                        disable=None if self.writes else True)

    def write(self, record: Mapping[str, Any]) -> None:
        """One line, and the same numbers to the trackers."""
        if self.writes:
            with self.file.open("a", encoding="utf-8") as log:
                log.write(json.dumps(record) + "\n")
            self.bar.set_postfix_str(f"{record['stage']}, loss {record['loss']:.4f}")
        numbers = {key: value for key, value in record.items() if isinstance(value, (int, float))}
        numbers |= {f"loss_by_t/{i}": value for i, value in enumerate(record["loss_by_t"]) if value is not None}
        self.accelerator.log(numbers, step=record["images"])

    def picture(self, name: str, image: Image.Image, images: int) -> None:
        """A sample grid for the trackers."""
        for tracker in self.accelerator.trackers:
            layout = {"dataformats": "NHWC"} if tracker.name == "tensorboard" else {}
            tracker.log_images({name: np.asarray(image)[None]}, step=images, **layout)

    def close(self) -> None:
        self.bar.close()
        for tracker in self.accelerator.trackers:
            tracker.finish()


def forget_after(file: Path, images: int) -> None:
    """Take out what a killed run wrote after its last checkpoint, and a half line at the end."""
    if not file.exists():
        return
    kept = []
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            if json.loads(line)["images"] <= images:
                kept.append(line + "\n")
        except (ValueError, KeyError, TypeError):
            continue
    write_whole(file, "".join(kept))


def flat(config: Mapping[str, Any], name: str = "") -> dict[str, Any]:
    """{"a": {"b": 1}} -> {"a.b": 1}, lists as text."""
    found: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{name}{key}.")
        else:
            found[name + key] = value if isinstance(value, (int, float, str, bool)) else json.dumps(value)
    return found


def project(out: Path) -> ProjectConfiguration:
    """Where tensorboard's files go."""
    return ProjectConfiguration(project_dir=str(out), logging_dir=str(out / "trackers"))

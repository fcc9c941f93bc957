"""Where a part writes down what it finds, at once, so that what comes after takes nothing of it away."""

from __future__ import annotations

import gc
import json
import math
import platform
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import torch

from lib_colorize.whole_file import write_whole
from tools.gpu_check.findings import Finding, Goal
from tools.gpu_check.sizes import RELEASED, TINY, Sizes

Value = TypeVar("Value")


class Notebook:
    """The findings of one part, in a file."""

    def __init__(self, path: Path, device: torch.device, tiny: bool, seconds: float) -> None:
        self.path, self.device, self.tiny = path, device, tiny
        self.sizes: Sizes = TINY if tiny else RELEASED
        self.deadline = time.monotonic() + seconds
        self.card, self.findings = self._card(), list[Finding]()
        self._write()

    @property
    def on_gpu(self) -> bool:
        return self.device.type == "cuda"

    @property
    def half(self) -> torch.dtype:
        """The type that the engine takes on this device when nothing is said."""
        return torch.float16 if self.on_gpu else torch.float32

    def add(self, finding: Finding) -> None:
        """Written down for good. Goals are for the released size on a card."""
        if self.tiny or not self.on_gpu:
            finding = replace(finding, goal=None)
        self.findings.append(finding)
        self._write()

    def number(self, what: str, value: float, unit: str, goal: Goal | None = None, note: str = "") -> None:
        """`add` of a number; nan = this device has none."""
        if math.isnan(value):
            self.add(Finding(what, note="not measured on a CPU"))
        else:
            self.add(Finding(what, value, unit, goal, note))

    def attempt(self, what: str, action: Callable[[], Value]) -> Value | None:
        """What the action gives; None where it fails, which is written down, and the part goes on."""
        if time.monotonic() > self.deadline:
            self.add(Finding(what, note="not measured: no time left"))
            return None
        try:
            return action()
        except Exception as error:  # noqa: BLE001  # whatever it is, the other measurements are made
            if _out_of_memory(error):
                self.add(Finding(what, note=f"out of memory (the card has {self.card['memory_gb']} GB)"))
            else:
                traceback.print_exc()
                self.add(Finding(what, note=f"failed: {type(error).__name__}: {_first_line(error)}", failed=True))
        self.forget()
        return None

    def forget(self) -> None:
        """Gives back what nobody holds any more."""
        gc.collect()
        if self.on_gpu:
            torch.cuda.empty_cache()

    def _card(self) -> dict[str, Any]:
        """What it is measured on. Asked here: to look at a card takes half a gigabyte of it while the process lives."""
        if not self.on_gpu:
            return {"name": platform.processor() or platform.machine(), "memory_gb": None, "capability": None}
        found = torch.cuda.get_device_properties(self.device)
        return {"name": found.name, "memory_gb": round(found.total_memory / 1e9, 1),
                "capability": f"{found.major}.{found.minor}"}

    def _write(self) -> None:
        write_whole(self.path, json.dumps({"card": self.card, "findings": [f.plain() for f in self.findings]}))


def _out_of_memory(error: BaseException | None) -> bool:
    """Also where another error came of it: a capture that lacks memory ends with an error of its own."""
    while error is not None:
        if isinstance(error, torch.cuda.OutOfMemoryError) or (
                isinstance(error, RuntimeError) and "out of memory" in str(error).lower()):
            return True
        error = error.__cause__ or error.__context__
    return False


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0][:200]

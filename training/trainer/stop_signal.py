"""SIGTERM and Ctrl-C: the step is finished, a checkpoint written, and the run left."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from accelerate import Accelerator

STOP_EVERY = 5  # steps between two questions to all processes whether one was told to stop


@dataclass
class StopSignal:
    """Set by either signal."""

    signal: int = 0

    @contextmanager
    def listening(self) -> Iterator[None]:
        def heard(number: int, _frame: Any) -> None:
            self.signal = number

        before = {number: signal.signal(number, heard) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def agreed(self, accelerator: Accelerator, steps: int) -> bool:
        """True on all processes when one was told; several ask each other only now and then, for asking makes wait."""
        if accelerator.num_processes == 1:
            return bool(self.signal)
        if steps % STOP_EVERY:
            return False
        return any_process(accelerator, bool(self.signal))


def any_process(accelerator: Accelerator, told: bool) -> bool:
    """True on all processes when it is true on one; all call it."""
    count = accelerator.reduce(torch.tensor(float(told), device=accelerator.device), "sum")
    return bool(count)

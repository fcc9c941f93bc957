"""How long something takes on a device, and how much memory: after warming up, medians, clocks left as they are."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch

from tools.gpu_check.sizes import Sizes

GB = 1e9
ROUND, MOST_REPEATS = 0.1, 10  # seconds of one thing in a round, and calls


def seconds(action: Callable[[], object], device: torch.device, repeats: int = 1) -> float:
    """Of one call, of `repeats` in a row: what the device took from the first call's begin to the last one's end."""
    if device.type != "cuda":
        begin = time.perf_counter()
        for _ in range(repeats):
            action()
        return (time.perf_counter() - begin) / repeats
    event: Any = torch.cuda.Event
    begin_event, end_event = event(enable_timing=True), event(enable_timing=True)
    torch.cuda.synchronize(device)
    begin_event.record()
    for _ in range(repeats):
        action()
    end_event.record()
    torch.cuda.synchronize(device)
    return float(begin_event.elapsed_time(end_event)) / 1000 / repeats


def in_turns(
    actions: Mapping[str, Callable[[], object]], device: torch.device, sizes: Sizes,
) -> dict[str, list[float]]:
    """Seconds of a call of each in every round, of as many calls as fill a tenth of a second.

    They take turns, every other round backwards: a card that gets warm or busy slows them alike.
    """
    repeats = {}
    for name, action in actions.items():
        for _ in range(sizes.warm_up):
            action()
        enough = int(ROUND / max(seconds(action, device), 1e-6))
        repeats[name] = max(1, min(MOST_REPEATS if device.type == "cuda" else 1, enough))
    found: dict[str, list[float]] = {name: [] for name in actions}
    for number in range(sizes.rounds):
        for name in list(actions)[:: -1 if number % 2 else 1]:
            found[name].append(seconds(actions[name], device, repeats[name]))
    return found


def median(values: list[float]) -> float:
    return statistics.median(values)


def median_ratio(ours: list[float], others: list[float]) -> float:
    """The median of the rounds' ratios."""
    return statistics.median(a / b for a, b in zip(ours, others, strict=True))


def peak(action: Callable[[], object], device: torch.device) -> tuple[float, float]:
    """Most gigabytes that tensors took while the action ran, and that torch held from the card for them."""
    if device.type != "cuda":
        action()
        return float("nan"), float("nan")
    torch.cuda.synchronize(device)
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(device)
    action()
    torch.cuda.synchronize(device)
    return torch.cuda.max_memory_allocated(device) / GB, torch.cuda.max_memory_reserved(device) / GB

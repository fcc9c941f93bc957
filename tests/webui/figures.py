"""What `measure` has seen, as figures: ratios of jobs of the same round, and differences in memory."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

PLAIN, OURS, BESIDE = "img2img", "coloured", "ControlNet + IP-Adapter"
MB = 1e6


@dataclass(frozen=True)
class Run:
    """One job: when it began, its steps as the probe saw them, and (time, bytes in memory) every 20 ms."""

    start: float
    steps: list[dict[str, float]]
    memory: list[tuple[float, int]]
    alive: dict[str, int]  # encoders at the first step, by class
    picture: str  # its hash

    @property
    def set_up(self) -> float:
        """Seconds before the first step."""
        return self.steps[0]["time"] - self.start

    def step(self, clock: str = "time") -> float:
        """Median seconds of a step after the first."""
        times = [step[clock] for step in self.steps[1:]]
        return statistics.median(b - a for a, b in pairwise(times))

    def peak(self) -> int:
        return max(size for _, size in self.memory)

    def peak_of_sampling(self) -> int:
        return max(size for when, size in self.memory if when > self.steps[0]["time"])


def figures(
    before: Sequence[Run], new: Sequence[Run], kept: Sequence[Run], rounds: Sequence[dict[str, Run]],
) -> dict[str, list[float]]:
    """before: plain jobs before anything was coloured; new, kept: coloured by a reference not seen yet, and again."""
    found: dict[str, list[float]] = {}
    for job in rounds[0]:
        found[f"step, {job} (s)"] = [each[job].step() for each in rounds]
        found[f"set-up, {job} (s)"] = [each[job].set_up for each in rounds]

    def ratio(name: str, other: str, of: Callable[[Run], float]) -> None:
        found[name] = [of(each[OURS]) / of(each[other]) for each in rounds]

    for other in rounds[0]:
        if other != OURS:
            ratio(f"step, coloured / {other}", other, Run.step)
            ratio(f"step, coloured / {other}, processor time", other, lambda run: run.step("cpu"))
    found["peak of img2img before any colouring (MB)"] = [run.peak() / MB for run in before]
    cached = statistics.median(each[OURS].set_up for each in rounds)
    lowest = max(run.peak() for run in before)
    found["set-up beyond img2img's, reference kept (s)"] = [each[OURS].set_up - each[PLAIN].set_up for each in rounds]
    found["set-up, a new reference besides (s)"] = [run.set_up - cached for run in new]
    found["extra peak of sampling, same round (MB)"] = [
        (each[OURS].peak_of_sampling() - each[PLAIN].peak_of_sampling()) / MB for each in rounds]
    found["extra peak of the whole job, same round (MB)"] = [
        (each[OURS].peak() - each[PLAIN].peak()) / MB for each in rounds]
    found["extra peak of the whole job over img2img before any colouring (MB)"] = [
        (run.peak() - lowest) / MB for run in kept]
    found["the same with a new reference (MB)"] = [(run.peak() - lowest) / MB for run in new]
    found["its sampling alone over that (MB)"] = [(run.peak_of_sampling() - lowest) / MB for run in new]
    found["encoders alive at the first step"] = [
        sum(run.alive.values()) for run in [*new, *(each[OURS] for each in rounds)]]
    return found


def table(found: dict[str, list[float]]) -> str:
    """Median and range of each figure, as Markdown."""
    lines = ["| figure | median | lowest to highest |", "|---|---|---|"]
    lines += [f"| {name} | {statistics.median(values):.3g} | {min(values):.3g} to {max(values):.3g} |"
              for name, values in found.items()]
    return "\n".join(lines)

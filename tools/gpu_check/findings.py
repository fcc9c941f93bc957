"""One line of the table: what was measured, what came out, and what was hoped for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Goal:
    """What a number should be on an H100; other cards are measured beside it, and fail nothing."""

    limit: float
    at_most: bool = True  # else at least
    aim: float | None = None  # better still

    def met(self, value: float) -> bool:
        return value <= self.limit if self.at_most else value >= self.limit

    def __str__(self) -> str:
        aim = "" if self.aim is None else f", aim {self.aim:g}"
        return f"{'at most' if self.at_most else 'over'} {self.limit:g}{aim}"


@dataclass(frozen=True)
class Finding:
    """value: None = there is no number, and the note says why."""

    what: str
    value: float | None = None
    unit: str = ""
    goal: Goal | None = None
    note: str = ""
    failed: bool = False  # something does not work; a missed goal or too little memory is no failure

    @property
    def verdict(self) -> str:
        """"yes", "no", or "" where there is no number or no goal."""
        if self.goal is None or self.value is None:
            return ""
        return "yes" if self.goal.met(self.value) else "no"

    def plain(self) -> dict[str, Any]:
        """For JSON; `from_plain` is the inverse."""
        return asdict(self)

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> Finding:
        goal = values.get("goal")
        return cls(**{**values, "goal": None if goal is None else Goal(**goal)})


@dataclass(frozen=True)
class Outcome:
    """What became of one part."""

    part: str
    state: str  # "done", "failed", "stopped" (time limit) or "not run"
    seconds: float
    findings: tuple[Finding, ...]
    note: str = ""  # why it is not "done"
    card: Mapping[str, Any] | None = None  # on what it ran; None = it did not come so far

    @property
    def failed(self) -> bool:
        return self.state == "failed" or any(finding.failed for finding in self.findings)

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {"part": self.part, "state": self.state, "seconds": round(self.seconds, 1), "note": self.note,
                "findings": [finding.plain() for finding in self.findings]}

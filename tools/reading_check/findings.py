"""One line of the table: what was measured, what came out, what it should be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ReadingFigure:
    """goal: None = measured beside the others, fails nothing. at_most: else the value should be at least the goal."""

    what: str
    value: float
    goal: float | None = None
    at_most: bool = False
    unit: str = ""
    note: str = ""

    @property
    def met(self) -> bool:
        if self.goal is None:
            return True
        return self.value <= self.goal if self.at_most else self.value >= self.goal

    def row(self) -> str:
        """A line of a Markdown table."""
        side = "at most" if self.at_most else "at least"
        goal = "" if self.goal is None else f"{side} {self.goal:g}"
        verdict = "" if self.goal is None else ("yes" if self.met else "no")
        return f"| {self.what} | {self.value:.3g} {self.unit} | {goal} | {verdict} | {self.note} |"


HEAD = "| | found | goal | met | |\n|---|---|---|---|---|"

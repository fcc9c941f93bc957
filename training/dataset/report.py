"""What was passed over and why: counted, with a few names each, or all of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

NAMED = 5  # examples kept for each reason


@dataclass
class Report:
    """found: members seen in color/; usable: samples that are left; skipped: reason -> how many."""

    found: int = 0
    usable: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)
    notes: Counter[str] = field(default_factory=Counter)  # what was not as expected but costs no sample
    every: list[tuple[str, str]] | None = None  # a list: (reason, name) of all that was passed over goes there

    def skip(self, reason: str, name: str) -> None:
        """Count one member or archive that cannot be used."""
        self.skipped[reason] += 1
        if self.every is not None:
            self.every.append((reason, name))
        named = self.examples.setdefault(reason, [])
        if len(named) < NAMED:
            named.append(name)

    def add(self, other: Report) -> None:
        """Take in the counts of another report."""
        self.found += other.found
        self.usable += other.usable
        self.skipped.update(other.skipped)
        self.notes.update(other.notes)
        for reason, names in other.examples.items():
            named = self.examples.setdefault(reason, [])
            named += names[: NAMED - len(named)]

    def to_json(self) -> dict[str, Any]:
        return {"found": self.found, "usable": self.usable, "skipped": dict(self.skipped), "notes": dict(self.notes),
                "examples": self.examples}

    def __str__(self) -> str:
        reasons = (f"{count} {reason} ({', '.join(self.examples[reason][:2])}{', ...' if count > 2 else ''})"
                   for reason, count in sorted(self.skipped.items()))
        notes = (f"{count} {note}" for note, count in sorted(self.notes.items()))
        return f"{self.usable} usable samples of {self.found}; " + ("; ".join((*reasons, *notes)) or "nothing skipped")

"""Settings: a second, larger pass over the first picture."""

from __future__ import annotations

from dataclasses import dataclass

from .setting_field import setting

LEAST_SECOND_PASS = 1.2  # times the first pass' side: with less there is nothing to be won


@dataclass(frozen=True)
class LargeSettings:
    """A second, larger pass over the first picture."""

    second_pass: float = setting(
        1.0, "Second pass", "Second pass",
        "Colours the sketch once more, so many times the model's size (at most the sketch's own), beginning from the "
        "first picture; 1 = off", 1.0, 8.0, 0.25, since=2, section="second pass")
    second_strength: float = setting(
        0.5, "Second strength", "Second strength",
        "How much of the first picture the second pass may change; 1 = all", 0.05, 1.0, 0.05, since=2,
        section="second pass")

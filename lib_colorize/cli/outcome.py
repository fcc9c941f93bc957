"""What became of one sketch of a folder."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path


class State(enum.Enum):
    """In the words of the report."""

    WRITTEN = "written"
    BEFORE = "finished before"
    PASSED_OVER = "passed over"
    NOT_REACHED = "not reached"  # the run ended before


@dataclass(frozen=True)
class SketchOutcome:
    """pictures: of its batch, those that are there; message: why it was passed over."""

    sketch: Path
    state: State
    reference: Path | None = None
    pictures: tuple[Path, ...] = ()
    seconds: float = 0.0
    message: str = ""

"""What is measured: the numbers of "What an illustrator takes home", each by a file of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tools.measured_parts import parts_in


@dataclass(frozen=True)
class Sources:
    """data: where painted drawings are kept, made when missing; packages: the npm packages that they are drawn from."""

    data: Path
    packages: Path


PARTS = parts_in("tools.finishing_check", {
    "snap": "colours of a picture of 128 px carried up to sketches of 2,048 px: how even areas are",
    "frames": "frames of a drawing that turns and moves: how alike the same areas of neighbours are",
    "memory": "a folder of 500 sketches: memory after the last over memory after the fiftieth",
    "hints": "whether one dot of colour for each wrong area puts it right",
    "speed": "seconds and memory of a large sketch, colours carried up and layers",
})

"""What is measured: the numbers of "What an illustrator takes home", each by a file of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lib_colorize.errors import ColorizeError


@dataclass(frozen=True)
class Sources:
    """data: where painted drawings are kept, made when missing; packages: the npm packages that they are drawn from."""

    data: Path
    packages: Path


@dataclass(frozen=True)
class FinishingPart:
    """One part: a module with `run(sources: Sources) -> Iterable[ReadingFigure]`."""

    name: str
    title: str
    module: str


def _part(name: str, title: str) -> FinishingPart:
    return FinishingPart(name, title, f"tools.finishing_check.{name}")


PARTS = {part.name: part for part in (
    _part("snap", "colours of a picture of 128 px carried up to sketches of 2,048 px: how even areas are"),
    _part("frames", "frames of a drawing that turns and moves: how alike the same areas of neighbours are"),
    _part("memory", "a folder of 500 sketches: memory after the last over memory after the fiftieth"),
    _part("hints", "whether one dot of colour for each wrong area puts it right"),
    _part("speed", "seconds and memory of a large sketch, colours carried up and layers"),
)}


def wanted_parts(names: Sequence[str]) -> Sequence[FinishingPart]:
    """The parts of these names, in the order of the table; none = all. ColorizeError with the known names."""
    if unknown := sorted(set(names) - set(PARTS)):
        raise ColorizeError(f"found {', '.join(map(repr, unknown))}, expected some of {', '.join(PARTS)}")
    return tuple(part for part in PARTS.values() if not names or part.name in names)

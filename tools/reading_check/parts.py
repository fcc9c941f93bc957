"""What is measured: the numbers of "Pictures as people bring them", each by a file of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lib_colorize.errors import ColorizeError


@dataclass(frozen=True)
class ReadingPart:
    """One part: a module with `run(packages: Packages) -> Iterable[ReadingFigure]`."""

    name: str
    title: str
    module: str


def _part(name: str, title: str) -> ReadingPart:
    return ReadingPart(name, title, f"tools.reading_check.{name}")


PARTS = {part.name: part for part in (
    _part("polarity", "which way round sprites, portraits, colouring pages and line layers are read"),
    _part("ink", "how much ink lines have at the size that a model is shown"),
    _part("scales", "whether a drawing scanned at any size gives the same lines"),
    _part("pairs", "lines of pictures whose lines are known, by each extractor"),
    _part("speed", "how long a scan of twelve megapixels takes"),
    _part("sheets", "photos of paper: the sheet's lines against those of the flat scan"),
    _part("figure", "a small figure in a reference: its colours against those of the same without margins"),
    _part("small", "a small drawing on its page: part colours against those of the same alone"),
    _part("sprites", "how well a figure is taken out of its picture"),
)}


def chosen_parts(names: Sequence[str]) -> Sequence[ReadingPart]:
    """The parts of these names, in the order of the table; none = all. ColorizeError with the known names."""
    if unknown := sorted(set(names) - set(PARTS)):
        raise ColorizeError(f"found {', '.join(map(repr, unknown))}, expected some of {', '.join(PARTS)}")
    return tuple(part for part in PARTS.values() if not names or part.name in names)

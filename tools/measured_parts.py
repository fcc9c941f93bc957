"""Parts of a check that measures: a module each, chosen by name, printed as a table; shared by such checks."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lib_colorize.errors import ColorizeError
from tools.reading_check.findings import HEAD


@dataclass(frozen=True)
class MeasuredPart:
    """One part: a module with `run(sources) -> Iterable[ReadingFigure]`."""

    name: str
    title: str
    module: str


def parts_in(package: str, titles: Mapping[str, str]) -> dict[str, MeasuredPart]:
    """titles: of each part by the name of its module in the package, in the order of the table."""
    return {name: MeasuredPart(name, title, f"{package}.{name}") for name, title in titles.items()}


def chosen_parts(parts: Mapping[str, MeasuredPart], names: Sequence[str]) -> Sequence[MeasuredPart]:
    """The parts of these names, in the order of the table; none = all. ColorizeError with the known names."""
    if unknown := sorted(set(names) - set(parts)):
        raise ColorizeError(f"found {', '.join(map(repr, unknown))}, expected some of {', '.join(parts)}")
    return tuple(part for part in parts.values() if not names or part.name in names)


def listed_parts(parts: Mapping[str, MeasuredPart]) -> str:
    """A line for each."""
    return "\n".join(f"{part.name:<10} {part.title}" for part in parts.values())


def measure_parts(parts: Mapping[str, MeasuredPart], names: Sequence[str], sources: Callable[[], object]) -> int:
    """Print the table of these parts; the exit status. sources: makes what every part's `run` is given."""
    try:
        wanted, given = chosen_parts(parts, names), sources()
        print(HEAD, flush=True)
        return 0 if all([run(part, given) for part in wanted]) else 1
    except ColorizeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def run(part: MeasuredPart, sources: object) -> bool:
    """One part, printed as it goes; whether every goal was met."""
    start, met = time.monotonic(), True
    for finding in importlib.import_module(part.module).run(sources):
        print(finding.row(), flush=True)
        met = met and finding.met
    print(f"| {part.name}: {part.title} | {time.monotonic() - start:.0f} s | | | |", flush=True)
    return met

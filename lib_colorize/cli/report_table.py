"""The report of a folder as a table for spreadsheets: a line for each picture, and for each sketch without one."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image

from ..console import one_line
from ..errors import ColorizeError
from ..whole_file import write_whole
from .outcome import SketchOutcome
from .result_file import read_record

COLUMNS = ("file", "reference", "seed", "seconds", "size", "how read", "state", "message", "picture")
BYTE_ORDER_MARK = "\ufeff"  # Excel takes the file for UTF-8 by it
FORMULA = "=+-@\t\r|%"  # what a cell begins with that spreadsheets compute (OWASP, CSV injection)


def write_table(outcomes: Sequence[SketchOutcome], path: Path, folder: Path) -> None:
    """Whole or not at all. folder: of the sketches, whose names are told below it."""
    text = io.StringIO()
    table = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    table.writerow(COLUMNS)
    for outcome in outcomes:
        table.writerows([as_text(value) for value in line] for line in lines(outcome, folder))
    write_whole(path, (BYTE_ORDER_MARK + text.getvalue()).encode("utf-8", "backslashreplace"))


def lines(outcome: SketchOutcome, folder: Path) -> Iterator[tuple[str, ...]]:
    """By COLUMNS; all that a picture says of itself is read off it."""
    sketch = outcome.sketch.relative_to(folder) if outcome.sketch.is_relative_to(folder) else outcome.sketch
    reference = "" if outcome.reference is None else str(outcome.reference)
    state, seconds = outcome.state.value, f"{outcome.seconds:.1f}" if outcome.seconds else ""
    if not outcome.pictures:
        yield (str(sketch), reference, "", seconds, "", "", state, outcome.message, "")
    for picture in outcome.pictures:
        seed, size, how_read = said_by(picture)
        yield (str(sketch), reference, seed, seconds, size, how_read, state, outcome.message, str(picture))


def said_by(picture: Path) -> tuple[str, str, str]:
    """Its seed, its size and how its sketch was read; nothing of one that is gone again, or was changed."""
    try:
        record = read_record(picture)
        with Image.open(picture) as image:
            return str(record.settings.seed), f"{image.width}x{image.height}", record.read_as
    except (ColorizeError, OSError):
        return "", "", ""


def as_text(value: str) -> str:
    """On one line, and nothing that a spreadsheet would compute: then a ' stands before it, as typed there.

    Also where the sign is a full-width one, which Japanese Excel takes for the same.
    """
    text = one_line(value)
    first = unicodedata.normalize("NFKC", text.lstrip()[:1])
    return f"'{text}" if first and first in FORMULA else text


def is_table(path: Path) -> bool:
    """Whether a file begins as these tables do, so that a newer one may take its place."""
    start = (BYTE_ORDER_MARK + ",".join(f'"{name}"' for name in COLUMNS)).encode()
    try:
        with path.open("rb") as stream:
            return stream.read(len(start)) == start
    except OSError:
        return False

"""When two file names are the same one, and the order in which people count them."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

Piece = tuple[int, int, str]


def name_key(path: Path) -> str:
    """The same for names that differ in capitals, or in how their accents are written: one file on Windows, macOS."""
    return unicodedata.normalize("NFC", path.as_posix()).casefold()


def counted(path: Path) -> tuple[tuple[Piece, ...], ...]:
    """For sorting: the numbers in a name count by their value, so that frame 2 comes before frame 10."""
    return tuple(_pieces(part) for part in path.parts)


def _pieces(name: str) -> tuple[Piece, ...]:
    found = re.split(r"(\d+)", unicodedata.normalize("NFC", name).casefold())
    pieces = tuple((0, int(piece), "") if i % 2 else (1, 0, piece) for i, piece in enumerate(found) if piece)
    return (*pieces, (-1, 0, name))  # frame1 and frame01: neither is lost, and always in one order

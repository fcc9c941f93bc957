"""All drawings that the shipped model is trained on, in one small file: training needs no Node then."""

from __future__ import annotations

import json
import lzma
import multiprocessing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from lib_colorize.errors import ColorizeError
from lib_colorize.whole_file import replacing
from training.small import recolour
from training.small.build_pairs import all_drawings
from training.small.drawings import Drawing, Group, avatar_drawing
from training.small.pair_choice import Sized
from training.small.streamline import streamline_drawings
from training.small.svg_sources import big_heads

NAME = "drawings.jsonl.xz"


def write_drawings(file: Path, packages: Path) -> int:
    """Everything that may be trained on and has parts, with their order by area; returns how many."""
    heads = [replace(avatar_drawing(head), name=f"bigheads/{head.seed}") for head in big_heads()]
    drawings = [*all_drawings(packages), *streamline_drawings(packages), *heads]
    with multiprocessing.Pool() as pool:
        found = pool.map(Sized.of, drawings, chunksize=16)
    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing(file) as unfinished, lzma.open(unfinished, "wt", encoding="utf-8", preset=6) as out:
        for sized in found:
            out.write(json.dumps(_plain(sized)) + "\n")
    return len(found)


def read_drawings(file: Path) -> list[Sized]:
    """What `write_drawings` wrote; ColorizeError for anything else."""
    try:
        with lzma.open(file, "rt", encoding="utf-8") as lines:
            found = [_sized(json.loads(line)) for line in lines]
    except FileNotFoundError:
        raise ColorizeError(f"{file}: no such file; make it where Node and the npm packages are (npm ci --prefix "
                            f"training) with python -m training.make_small --prepare {file}") from None
    except (lzma.LZMAError, EOFError, ValueError, KeyError, TypeError) as error:
        raise ColorizeError(f"{file}: found {error!r}, expected drawings as --prepare writes them; write it again"
                            ) from None
    if not found:
        raise ColorizeError(f"{file}: found no drawing, expected thousands; write it again with --prepare")
    return found


def _lines_of(svg: str) -> str:
    """The line art that most drawings have: derived from the picture, and so not stored."""
    return recolour.line_art(recolour.blacken_strokes(svg))


def _plain(sized: Sized) -> dict[str, Any]:
    plain = asdict(sized.drawing) | {"group": sized.drawing.group.name, "order": sized.parts}
    if plain["lines"] == _lines_of(sized.drawing.svg):
        plain["lines"] = ""
    return plain


def _sized(plain: dict[str, Any]) -> Sized:
    drawing = Drawing(plain["name"], Group[plain["group"]], bool(plain["figure"]), plain["svg"],
                      plain["lines"] or _lines_of(plain["svg"]),
                      {part: tuple(listed) for part, listed in plain["parts"].items()})
    return Sized(drawing, tuple(plain["order"]))

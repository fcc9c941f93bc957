"""Colour hints for a folder of sketches: a folder with a picture of strokes for each sketch that wants one, by name."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import ColorizeError
from .by_name import pictures_by_name, the_one
from .file_names import name_key
from .input_picture import InputPicture


@dataclass(frozen=True)
class HintFiles:
    """own: name of a sketch, below its folder and without suffix -> the pictures of that name."""

    folder: Path | None = None
    own: Mapping[str, list[Path]] = field(default_factory=dict)

    @classmethod
    def of(cls, args: argparse.Namespace) -> HintFiles:
        """What --hints names; ColorizeError for a file: strokes lie over one sketch, not over all of them."""
        if args.hints is None:
            return cls()
        folder = Path(args.hints)
        if not os.path.isdir(folder):
            raise ColorizeError(f"--hints {folder}: not a folder; for a folder of sketches name one with a picture of "
                                "strokes for each sketch that wants one, by its name")
        return cls(folder, pictures_by_name(folder, args.recursive))

    def read(self, sketch: Path) -> dict[str, InputPicture]:
        """The hints of a sketch, by their name in a record; none where none have its name.

        sketch: its path below the folder of sketches.
        """
        found = self.own.get(name_key(sketch.with_suffix("")))
        return {} if found is None else {"hints": InputPicture.read(the_one(found, sketch, "hints"))}

    def paths(self) -> Iterator[Path]:
        """All of them, and their folder: no result is written over one, and none is taken for a sketch."""
        if self.folder is not None:
            yield self.folder
        for found in self.own.values():
            yield from found

    def notes(self, sketches: Iterable[Path]) -> Iterator[str]:
        """A line for hints that are no sketch's; sketches: below their folder."""
        known = {name_key(sketch.with_suffix("")) for sketch in sketches}
        left = [paths[0].name for name, paths in self.own.items() if name not in known]
        if left:
            more = f" and {len(left) - 3} more" if len(left) > 3 else ""
            yield f"hints of no sketch's name: {', '.join(left[:3])}{more}"

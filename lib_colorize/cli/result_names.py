"""A name for the result of each sketch of a folder, of its own on every system, and the same at the next run."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from ..errors import ColorizeError
from .file_names import name_key
from .output_paths import is_device, output_paths
from .result_file import read_record

MAX_NAME = 255  # bytes, or UTF-16 units on Windows, where the disk does not say
ROOM = len("-64")  # of a batch


@dataclass
class ResultNames:
    """a.jpg becomes a.png; where several sketches have one stem, a.jpg.png and a.webp.png.

    A result that says which sketch it was made from stays that sketch's, whatever comes into the folder later.
    Names that differ in capitals, or in how their accents are written, are one: they are one file on Windows and macOS.
    """

    output: Path
    suffix: str = ".png"
    batch: int = 1
    _listed: dict[Path, dict[str, str]] = field(default_factory=dict)  # folder below output -> key -> name

    def plan(self, sketches: Sequence[Path]) -> dict[Path, Path]:
        """Sketch -> result; both are paths, below the folder of sketches and in the one of results."""
        stems = Counter(name_key(path.with_suffix("")) for path in sketches)
        taken = {name_key(parent) for path in sketches for parent in path.parents}
        planned: dict[Path, Path] = {}
        for mine in (True, False):  # first those that have a result already
            for sketch in sketches:
                crowd = stems[name_key(sketch.with_suffix(""))] > 1 and not mine
                if sketch not in planned and (base := self._base(sketch, sketches, taken, crowd, mine)) is not None:
                    planned[sketch] = self.output / base
                    taken |= {name_key(path) for path in self._paths(base)}
        return {sketch: planned[sketch] for sketch in sketches}

    def _base(self, sketch: Path, sketches: Sequence[Path], taken: set[str], crowd: bool, mine: bool) -> Path | None:
        """The first name, without the numbers of a batch, that the sketch may have."""
        for base in self._candidates(sketch, crowd):
            paths = self._paths(base)
            if any(name_key(path) in taken for path in paths):
                continue
            owner = next((found for path in paths if (found := self._owner(path)) is not None), None)
            own = owner is not None and _same(owner, sketch, sketches)
            if own or (not mine and owner in (None, "")):
                return base
            if mine and owner is None and base.stem != sketch.stem:
                return None
        return None

    def _candidates(self, sketch: Path, crowd: bool) -> Iterator[Path]:
        names = [] if crowd else [sketch.stem]
        for name in (*names, sketch.name):
            yield self._named(sketch, name)
        for number in count(2):
            yield self._named(sketch, f"{sketch.name}~{number}")

    def _named(self, sketch: Path, name: str) -> Path:
        """In the sketch's folder; what is too long ends in a mark of its own."""
        name = f"_{name}" if is_device(name) else name
        limit = _limit(self.output) - len(self.suffix) - ROOM
        if _length(name) > limit:
            mark = "~" + hashlib.sha256(os.fsencode(name)).hexdigest()[:8]
            while _length(name) > limit - len(mark):
                name = name[:-1]
            name += mark
        return sketch.parent / f"{name}{self.suffix}"

    def _paths(self, base: Path) -> list[Path]:
        return output_paths(base, self.batch)

    def _owner(self, path: Path) -> str | None:
        """The name of the sketch that a result was made from; "" = a file that does not say, None = nothing there.

        A folder of that name is somebody else's, so that another name is taken.
        """
        listed = self._listing(path.parent)
        name = listed.get(name_key(Path(path.name)))
        if name is None:
            return None
        there = self.output / path.parent / name
        if os.path.isdir(there):
            return os.sep
        try:
            return read_record(there).sketch.name
        except ColorizeError:
            return ""

    def _listing(self, folder: Path) -> dict[str, str]:
        if folder not in self._listed:
            try:
                names = sorted(os.listdir(self.output / folder))
            except OSError:  # not made yet
                names = []
            self._listed[folder] = {name_key(Path(name)): name for name in names}
        return self._listed[folder]


def _same(owner: str, sketch: Path, sketches: Sequence[Path]) -> bool:
    """Whether a result of the sketch `owner` is this one's: by its name, or by one that only this one can have been."""
    def written(name: str) -> str:
        return unicodedata.normalize("NFC", name)

    if written(owner) == written(sketch.name):
        return True
    present = {written(path.name) for path in sketches if path.parent == sketch.parent}
    return name_key(Path(owner)) == name_key(Path(sketch.name)) and written(owner) not in present


def _length(name: str) -> int:
    return len(name.encode("utf-16-le", "surrogatepass")) // 2 if os.name == "nt" else len(os.fsencode(name))


def _limit(folder: Path) -> int:
    """The longest name that the disk takes."""
    try:
        return int(getattr(os, "pathconf")(folder, "PC_NAME_MAX"))  # noqa: B009 - POSIX alone has it
    except (AttributeError, OSError, ValueError):
        return MAX_NAME

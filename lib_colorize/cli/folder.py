"""A folder of sketches with one reference: names kept, finished pictures skipped, bad files passed over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from ..engine.engine import Progress
from ..errors import ColorizeError
from ..whole_file import DiskError
from .file_job import FileJob, InputPicture


@dataclass
class Summary:
    """How a folder went."""

    written: list[Path] = field(default_factory=list)
    skipped: list[Path] = field(default_factory=list)  # sketches whose pictures were there already
    failed: dict[Path, str] = field(default_factory=dict)  # sketch -> why

    def __str__(self) -> str:
        return f"{len(self.written)} written, {len(self.skipped)} finished before, {len(self.failed)} passed over"


def planned_files(folder: Path, output: Path) -> dict[Path, Path]:
    """Sketch -> picture, by name. Hidden files and folders are left out; ColorizeError when nothing is left.

    a.jpg becomes a.png; where two sketches differ in their suffix only, a.jpg.png and a.webp.png.
    """
    if not output.is_dir():
        raise ColorizeError(f"{output}: not a folder; for a folder of sketches name an existing one for the results")
    if output.resolve() == folder.resolve():
        raise ColorizeError(f"{output}: holds the sketches; name another folder for the results")
    sketches = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    if not sketches:
        raise ColorizeError(f"{folder}: no files in it")
    stems = Counter(path.stem.casefold() for path in sketches)  # a.png and A.png are one file on Windows
    return {path: output / f"{path.stem if stems[path.stem.casefold()] == 1 else path.name}.png" for path in sketches}


def colour_folder(
    job: FileJob, files: dict[Path, Path], bar: Callable[[str], AbstractContextManager[Progress | None]],
    report: Callable[[str], None],
) -> Summary:
    """Colour every sketch of `planned_files`; a bad one is passed over.

    bar: a progress bar for a name; report: takes a line for each file passed over.
    A full disk or the like is not one file's fault and stops the run (DiskError).
    """
    summary = Summary()
    for sketch, output in files.items():
        try:
            with bar(sketch.name) as progress:
                written = job.colour(InputPicture.read(sketch), output, progress)
        except DiskError:
            raise
        except ColorizeError as error:
            summary.failed[sketch] = str(error)
            report(f"passed over: {error}" if sketch.name in str(error) else f"passed over: {sketch}: {error}")
        else:
            summary.written += written
            if not written:
                summary.skipped.append(sketch)
    return summary

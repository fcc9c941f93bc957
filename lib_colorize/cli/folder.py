"""A folder of sketches: names kept, finished pictures skipped, bad files passed over."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from ..engine.engine import Progress
from ..errors import ColorizeError
from ..whole_file import DiskError, NameRefused, require_writable
from .file_job import how_read
from .file_names import counted
from .folder_jobs import FolderJobs
from .outcome import SketchOutcome, State
from .output_paths import identities, output_paths
from .result_names import ResultNames
from .sketch_files import SketchFiles


@dataclass
class Summary:
    """How a folder went."""

    written: list[Path] = field(default_factory=list)
    skipped: list[Path] = field(default_factory=list)  # sketches whose pictures were there already
    failed: dict[Path, str] = field(default_factory=dict)  # sketch, or subfolder -> why

    def __str__(self) -> str:
        return f"{len(self.written)} written, {len(self.skipped)} finished before, {len(self.failed)} passed over"


def list_sketches(folder: Path, output: Path, recursive: bool, others: Sequence[Path]) -> SketchFiles:
    """The sketches of a folder; ColorizeError when there are none, or when nothing can be written to the output.

    others: reference, masks, background: where they lie in the folder they are no sketches.
    """
    if not os.path.isdir(output):
        raise ColorizeError(f"{output}: not a folder; for a folder of sketches name an existing one for the results")
    if identities([output]) == identities([folder]):
        raise ColorizeError(f"{output}: holds the sketches; name another folder for the results")
    require_writable(output)
    return SketchFiles.of(folder, recursive, identities([output, *others]))


def planned_files(found: SketchFiles, output: Path, suffix: str, batch: int) -> dict[Path, Path]:
    """Sketch -> picture, by names of their own, folder by folder, in the order in which their numbers count.

    ColorizeError when pictures would come among the sketches.
    """
    planned = ResultNames(output, suffix, batch).plan(found.sketches)
    home, target = Path(os.path.realpath(found.folder)), Path(os.path.realpath(output))
    if not target.is_relative_to(home):
        for path in planned.values():
            if (target / path.relative_to(output)).is_relative_to(home):
                raise ColorizeError(f"{path}: would lie among the sketches; name another folder for the results")
    in_turn = sorted(planned, key=lambda sketch: (counted(sketch.parent), counted(Path(sketch.name))))
    return {found.folder / sketch: planned[sketch] for sketch in in_turn}


def colour_folder(
    jobs: FolderJobs, files: Mapping[Path, Path], bar: Callable[[str], AbstractContextManager[Progress | None]],
    report: Callable[[str], None], tell: Callable[[str], object] = str, note: Callable[[SketchOutcome], object] = id,
) -> Summary:
    """Colour every sketch of `planned_files`; a bad one is passed over.

    bar: a progress bar for a name; report: takes a line for each file passed over; tell: how each sketch was read;
    note: what became of each. A full disk or the like is not one file's fault and stops the run (DiskError).
    """
    summary = Summary()
    for sketch, output in files.items():
        start, reference = time.monotonic(), None
        try:
            reference = jobs.reference_of(sketch)
            with bar(sketch.name) as progress:
                written = jobs.colour(sketch, output, progress)
        except (ColorizeError, MemoryError, RuntimeError) as error:
            reason = reason_of(error)
            summary.failed[sketch] = reason
            report(f"passed over: {reason}" if sketch.name in reason else f"passed over: {sketch}: {reason}")
            note(SketchOutcome(sketch, State.PASSED_OVER, reference, (), time.monotonic() - start, reason))
        else:
            summary.written += written
            tell(how_read(sketch, written))
            if not written:
                summary.skipped.append(sketch)
            state = State.WRITTEN if written else State.BEFORE
            pictures = tuple(output_paths(output, jobs.settings.batch))
            note(SketchOutcome(sketch, state, reference, pictures, time.monotonic() - start if written else 0.0))
    return summary


def reason_of(error: Exception) -> str:
    """Why one sketch was passed over; raises what is no fault of it alone."""
    if isinstance(error, DiskError) and not isinstance(error, NameRefused):
        raise error
    if isinstance(error, ColorizeError):
        return str(error)
    if isinstance(error, MemoryError) or "memory" in str(error).lower():
        return "not enough memory for it; use a smaller --size"
    raise error

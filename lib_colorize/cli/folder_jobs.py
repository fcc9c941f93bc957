"""The jobs of a folder: each sketch with its own reference, whose tokens are made ahead for several at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from PIL import Image

from ..engine.engine import Engine, Progress
from ..errors import ColorizeError
from ..method.settings import Settings
from ..pictures.opened_page import as_encoded
from .file_job import FileJob
from .hint_files import HintFiles
from .input_picture import InputPicture
from .output_paths import output_paths
from .references import References

AHEAD = 12  # references that are encoded by one reading of the encoder


@dataclass
class FolderJobs:
    """job_of: a job with that reference, by this engine. files: (sketch, picture), in their order."""

    job_of: Callable[[InputPicture], FileJob]
    engine: Engine
    settings: Settings
    force: bool
    references: References
    folder: Path
    files: Sequence[tuple[Path, Path]]
    hints: HintFiles = HintFiles()
    follow: float = 0.0  # how far each frame follows the one before, 0 = not
    _last: tuple[Path, Path] | None = None  # the sketch before and its picture
    _encoded: list[Path] = field(default_factory=list)  # references whose tokens are kept

    def reference_of(self, sketch: Path) -> Path:
        """Where it lies; ColorizeError as of `References.path_of`."""
        return self.references.path_of(sketch.relative_to(self.folder))

    def colour(self, sketch: Path, output: Path, progress: Progress | None) -> list[Path]:
        """As `FileJob.colour`. The frames of a subfolder are a scene of their own."""
        if self.references.by_name and not self._is_there(output):
            self._encode_ahead(sketch)
        name = sketch.relative_to(self.folder)
        job = self.job_of(self.references.of(name))
        extras = replace(job.extras, pictures={**job.extras.pictures, **self.hints.read(name)})
        if self.follow and self._last is not None and self._last[0].parent == sketch.parent:
            extras = extras.after(*self._last, self.follow)
        written = replace(job, extras=extras).colour(InputPicture.read(sketch), output, progress)
        self._last = sketch, output
        return written

    def _encode_ahead(self, sketch: Path) -> None:
        """The references of this sketch and of the next, unless its own is encoded already."""
        if self.reference_of(sketch) in self._encoded:
            return
        self._encoded = list(self._next_references(sketch))
        self.engine.encode_ahead(self._pictures(), self.settings)

    def _next_references(self, sketch: Path) -> Iterator[Path]:
        """Up to AHEAD, each once, of sketches that have no picture yet."""
        found: set[Path] = set()
        start = next(i for i, (path, _) in enumerate(self.files) if path == sketch)
        for path, output in self.files[start:]:
            try:
                reference = self.reference_of(path)
            except ColorizeError:  # told in its turn
                continue
            if reference not in found and not self._is_there(output):
                found.add(reference)
                yield reference
            if len(found) == AHEAD:
                return

    def _pictures(self) -> Iterator[Image.Image]:
        """Of `_encoded`, one after the other: they may be large."""
        for path in self._encoded:
            try:
                yield as_encoded(InputPicture.read(path).image, self.settings)
            except ColorizeError:  # told in its turn
                continue

    def _is_there(self, output: Path) -> bool:
        return not self.force and all(map(os.path.lexists, output_paths(output, self.settings.batch)))

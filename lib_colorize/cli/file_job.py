"""One sketch file with one reference file -> finished pictures as files, which say how they were made."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from PIL import Image

from ..checkpoint.files import file_sha256
from ..engine.engine import Engine, Progress
from ..errors import ColorizeError
from ..method.settings import Settings
from ..whole_file import NameTaken, write_whole
from .extra_files import NO_FILES, ExtraFiles
from .input_picture import InputPicture
from .layers_output import LayersOutput, is_there
from .output_paths import Identity, identities, output_paths, require_no_input, state
from .record import FileRecord, Record, versions
from .result_file import FORMATS, read_record, save_result


@dataclass(frozen=True)
class FileJob:
    """What all sketches of one call share."""

    engine: Engine
    reference: InputPicture  # of a folder, the one of the sketch at work
    settings: Settings
    force: bool = False  # write over pictures that are there already
    extras: ExtraFiles = NO_FILES
    quality: int | None = None  # of JPEG and WebP
    any_seed: bool = False  # the seed was drawn: a picture of another seed is this picture too
    layers: LayersOutput | None = None  # of every picture
    kept: frozenset[Identity] = field(default_factory=frozenset)  # files never written over, beside those of the job

    def colour(self, sketch: InputPicture, output: Path, progress: Progress | None = None) -> list[Path]:
        """Colour one sketch; the paths written, pictures first, none when all of them are there, made in just this way.

        ColorizeError for a sketch without lines, and for a file that is in the way; nothing is half-written, and
        nothing written over that came while the picture was made.
        """
        paths = output_paths(output, self.settings.batch)
        records = [self.record(sketch, output.parent, i) for i in range(len(paths))]
        before = {path: state(path) for path in paths}
        kept = self.kept | identities(self.inputs(sketch))
        for path in paths:
            require_no_input(path, kept)
        wanted = {path for path, record in zip(paths, records) if self.force or not self.found(path, record)}
        layered = self.layers_of(sketch, output, paths, wanted, kept)
        if not wanted and not layered:
            return []
        results = self.engine.colorize(sketch.image, self.reference.image, self.settings, progress,
                                       self.extras.extras())
        written: list[Path] = []
        for path, record, result in zip(paths, records, results):
            made = replace(record, settings=result.settings, read_as=result.read_as)
            if path in wanted and self.saved(path, result.image, made, before):
                written.append(path)
        for path, result in zip(paths, results):
            if self.layers is not None and path in layered:
                self.layers.write(result.finished, layered[path], self.force)
                written.append(layered[path])
        return written

    def layers_of(
        self, sketch: InputPicture, output: Path, pictures: Sequence[Path], wanted: Container[Path],
        kept: frozenset[Identity],
    ) -> dict[Path, Path]:
        """Picture -> its layers, those that are to be written; wanted: the pictures that are.

        Layers beside a picture that is there, made in just this way, are taken for its own. ColorizeError for others
        that are in the way, and for what cannot be written.
        """
        if self.layers is None:
            return {}
        self.layers.require_room(output, self.settings.batch, kept, sketch.image.size)
        found = dict(zip(pictures, self.layers.paths(output, self.settings.batch)))
        if self.force:
            return found
        for picture, path in found.items():
            if picture in wanted and is_there(path):
                raise ColorizeError(f"{path}: is there already; --force writes over it")
        return {picture: path for picture, path in found.items() if not is_there(path)}

    def saved(self, path: Path, image: Image.Image, record: Record, before: Mapping[Path, object]) -> bool:
        """Write one picture; False when somebody else has made the very same meanwhile."""
        def write(file: Path, content: bytes) -> None:
            over = self.force and before[path] is not None and state(path) == before[path]
            write_whole(file, content, parents=True, keep=not over)

        try:
            save_result(image, path, record, self.quality, write)
        except NameTaken:
            if self.force or not self.found(path, record, "another program has made it meanwhile"):
                raise ColorizeError(f"{path}: another program has made it meanwhile; it is kept") from None
            return False
        return True

    def found(self, path: Path, record: Record, how: str = "is there already") -> bool:
        """False: nothing there. True: this very picture. ColorizeError: something else."""
        if state(path) is None:
            return False
        try:
            others = read_record(path).differences(record, self.any_seed)
        except ColorizeError:
            others = ["no record of this program"]
        if others:
            what = "; ".join(others[:3]) + (f"; and {len(others) - 3} more" if len(others) > 3 else "")
            raise ColorizeError(f"{path}: {how}, made from other files or settings ({what}); --force writes over it")
        return True

    def inputs(self, sketch: InputPicture) -> list[Path]:
        """The files that a picture of this sketch is made from."""
        files = self.engine.files
        models = [path for path in (files.checkpoint, files.reference_encoder) if path] if files else []
        return [sketch.path, self.reference.path, *self.extras.paths(), *models]

    def record(self, sketch: InputPicture, folder: Path, index: int = 0) -> Record:
        """What the file of picture `index` says; folder: where it will lie."""
        engine = self.engine
        assert engine.files is not None  # a job's engine is loaded from files
        encoder = engine.files.reference_encoder
        return Record(
            settings=engine.settings_of(self.settings, index),
            sketch=FileRecord.of(sketch.path, folder, sketch.sha256),
            reference=FileRecord.of(self.reference.path, folder, self.reference.sha256),
            checkpoint=FileRecord.of(engine.files.checkpoint, folder, file_sha256(engine.files.checkpoint)),
            reference_encoder=FileRecord.of(encoder, folder, file_sha256(encoder)) if encoder else None,
            prediction=engine.prediction.value, device=engine.device.type,
            dtype=str(engine.dtype).removeprefix("torch."), threads=torch.get_num_threads(), versions=versions(),
            files=self.extras.records(folder), weights=self.extras.weights)


def how_read(sketch: Path, written: Sequence[Path]) -> str:
    """One line on how the sketch of these pictures was read; "" when nothing was written, or nothing is to be said."""
    picture = next((path for path in written if path.suffix.lower() in FORMATS), None)
    said = "" if picture is None else read_record(picture).read_as
    return f"{sketch.name}: {said}" if said else ""

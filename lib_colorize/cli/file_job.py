"""One sketch file with one reference file -> finished PNGs, and such a PNG made again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from PIL import Image

from ..checkpoint.files import file_sha256
from ..engine.engine import Engine, Progress
from ..errors import ColorizeError
from ..method.settings import Settings
from ..pictures.picture_files import open_image
from .png import FileRecord, Record, read_record, save_png, versions


@dataclass(frozen=True)
class InputPicture:
    """A picture file, read once: everything after asks this and no longer the disk."""

    path: Path
    image: Image.Image  # as `open_image` gives it
    sha256: str  # of the file

    @classmethod
    def read(cls, path: Path) -> InputPicture:
        """ColorizeError when it is no picture."""
        return cls(path, open_image(path), file_sha256(path))


@dataclass(frozen=True)
class FileJob:
    """What all sketches of one call share."""

    engine: Engine
    reference: InputPicture
    settings: Settings
    force: bool = False  # write over pictures that are there already

    def colour(self, sketch: InputPicture, output: Path, progress: Progress | None = None) -> list[Path]:
        """Colour one sketch; the paths written, none when all of them are there, made in just this way.

        ColorizeError for a sketch without lines, and for a file that is in the way; nothing is half-written.
        """
        paths = output_paths(output, self.settings.batch)
        records = [self.record(sketch, output.parent, i) for i in range(len(paths))]
        if not self.force:
            state = [found(path, record) for path, record in zip(paths, records)]
            if all(state):
                return []
        results = self.engine.colorize(sketch.image, self.reference.image, self.settings, progress)
        for path, record, result in zip(paths, records, results):
            save_png(result.image, path, replace(record, settings=result.settings))
        return paths

    def record(self, sketch: InputPicture, folder: Path, index: int = 0) -> Record:
        """What the PNG of picture `index` says; folder: where it will lie."""
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
            dtype=str(engine.dtype).removeprefix("torch."), threads=torch.get_num_threads(), versions=versions())


def found(path: Path, record: Record) -> bool:
    """False: nothing there. True: this very picture. ColorizeError: something else."""
    if not path.exists():
        return False
    try:
        same = read_record(path).same_picture(record)
    except ColorizeError:
        same = False
    if not same:
        raise ColorizeError(f"{path}: is there already, made from other files or settings; --force writes over it")
    return True


def check_output(output: Path, inputs: Sequence[Path]) -> None:
    """ColorizeError for an output that could not be written in the end, before any work."""
    if output.suffix.lower() != ".png":
        raise ColorizeError(f"{output}: expected a name that ends in .png (the settings travel in the PNG)")
    if not output.parent.is_dir():
        raise ColorizeError(f"{output}: the folder {output.parent} does not exist; make it first")
    if output.is_dir():
        raise ColorizeError(f"{output}: is a folder; name a PNG file")
    for path in inputs:
        if output.exists() and output.samefile(path):
            raise ColorizeError(f"{output}: is one of the inputs; name another file")


def output_clear(output: Path, force: bool) -> None:
    """ColorizeError when a file is in the way."""
    if output.exists() and not force:
        raise ColorizeError(f"{output}: is there already; --force writes over it")


def output_paths(output: Path, batch: int) -> list[Path]:
    """OUT.png, or OUT-1.png, OUT-2.png, ... of a batch."""
    if batch == 1:
        return [output]
    return [output.with_name(f"{output.stem}-{i + 1}{output.suffix}") for i in range(batch)]

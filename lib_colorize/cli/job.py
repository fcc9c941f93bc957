"""One sketch file with one reference file -> finished PNGs, and such a PNG made again."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from ..engine.engine import Engine, Progress
from ..errors import ColorizeError
from ..method.images import open_image
from ..method.settings import Settings
from .png import FileRecord, Record, read_record, save


@dataclass(frozen=True)
class Job:
    """What all sketches of one call share."""

    engine: Engine
    reference: Path
    settings: Settings
    force: bool = False  # write over pictures that are there already

    def colour(self, sketch: Path, output: Path, progress: Progress | None = None) -> list[Path]:
        """Colour one sketch; the paths written, none when all of them are there, made in just this way.

        ColorizeError for a bad picture, and for one that is in the way; nothing is half-written.
        """
        drawing, reference = open_image(sketch), open_image(self.reference)
        paths = output_paths(output, self.settings.batch)
        records = [self.record(sketch, output.parent, i) for i in range(len(paths))]
        if not self.force:
            state = [found(path, record) for path, record in zip(paths, records)]
            if all(state):
                return []
        results = self.engine.colorize(drawing, reference, self.settings, progress)
        for path, record, result in zip(paths, records, results):
            save(result.image, path, replace(record, settings=result.settings))
        return paths

    def record(self, sketch: Path, folder: Path, index: int = 0) -> Record:
        """What the PNG of picture `index` says; folder: where it will lie."""
        engine = self.engine
        assert engine.files is not None  # a job's engine is loaded from files
        encoder = engine.files.reference_encoder
        return Record(
            settings=engine.settings_of(self.settings, index),
            sketch=FileRecord.of(sketch, folder), reference=FileRecord.of(self.reference, folder),
            checkpoint=FileRecord.of(engine.files.checkpoint, folder),
            reference_encoder=FileRecord.of(encoder, folder) if encoder else None,
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


def output_clear(output: Path, force: bool) -> None:
    """ColorizeError when a file is in the way."""
    if output.exists() and not force:
        raise ColorizeError(f"{output}: is there already; --force writes over it")


def output_paths(output: Path, batch: int) -> list[Path]:
    """OUT.png, or OUT-1.png, OUT-2.png, ... of a batch."""
    if batch == 1:
        return [output]
    return [output.with_name(f"{output.stem}-{i + 1}{output.suffix}") for i in range(batch)]


def versions() -> dict[str, str]:
    """Versions of what the numbers depend on; names that are not installed are left out."""
    from importlib.metadata import PackageNotFoundError, version

    known = {"python": ".".join(map(str, sys.version_info[:3]))}
    for name in ("torch", "k-diffusion", "open-clip-torch", "pillow", "stable-diffusion-sdkit"):
        try:
            known[name] = version(name)
        except PackageNotFoundError:
            continue
    return known

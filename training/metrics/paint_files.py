"""Pictures painted into files: read ahead and written behind in threads, painted in batches between."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from lib_colorize.whole_file import write_whole
from training.dataset.shards import encode_picture
from training.metrics.paint_jobs import Painter, PaintJob, PreparedJob
from training.metrics.read_ahead import behind, in_threads


@dataclass(frozen=True)
class PictureFile:
    """A PNG to paint."""

    path: Path
    read: Callable[[], PaintJob]  # called in a thread
    size: tuple[int, int] | None = None  # of the file, None = as it is painted


def paint_files(
    painter: Painter, files: Sequence[PictureFile], before: Callable[[], None] = lambda: None,
    after: Callable[[int], None] = lambda done: None,
) -> None:
    """Each is written whole or not at all. before: called before each batch; may raise, and what is painted stays.
    after: called after it with the number of pictures painted so far. The first file that cannot be read raises.
    """
    def prepared(file: PictureFile) -> tuple[PictureFile, PreparedJob]:
        return file, painter.prepare(file.read())

    done = 0
    with behind() as hand_over:
        for batch, jobs in painter.batches(in_threads(prepared, files)):
            before()
            for file, painted in zip(batch, painter.paint_together(jobs)):
                hand_over(functools.partial(_save, file, painted))
            done += len(jobs)
            after(done)


def _save(file: PictureFile, painted: Image.Image) -> None:
    sized = painted if file.size is None else painted.resize(file.size)
    write_whole(file.path, encode_picture(sized, "png"), parents=True)

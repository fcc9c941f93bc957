"""How long it takes to read a scan of twelve megapixels from the disk, lines found and made ready for the model."""

from __future__ import annotations

import io
import statistics
import time
from collections.abc import Iterator

import torch

from lib_colorize.method.settings import Settings
from lib_colorize.pictures.images import sketch_tensor
from lib_colorize.pictures.picture_files import open_image
from tools.reading_check.findings import ReadingFigure
from tools.reading_check.packages import Packages
from tools.reading_check.scales import scanned

GOAL = 1.5  # seconds
PAGE, LARGE, SIZES, MULTIPLE, REPEATS, THREADS = "elephant", 4600, (128, 512), 64, 3, 2


def run(packages: Packages) -> Iterator[ReadingFigure]:
    """The median of a few, each from the file's bytes."""
    page = scanned(packages.pictures("tuxpaint-data") / f"{PAGE}.svg", LARGE, False, 0.0)
    file = io.BytesIO()
    page.save(file, "JPEG", quality=90)
    threads = torch.get_num_threads()
    torch.set_num_threads(min(THREADS, threads))
    try:
        for extractor in ("lineart", "paper", "none"):
            for size in SIZES:
                seconds = [_seconds(file.getvalue(), extractor, size) for _ in range(REPEATS)]
                yield ReadingFigure(f"{page.width}x{page.height} px, {extractor}, for {size} px",
                                    statistics.median(seconds), GOAL, at_most=True, unit="s")
    finally:
        torch.set_num_threads(threads)


def _seconds(content: bytes, extractor: str, size: int) -> float:
    begin = time.perf_counter()
    sketch_tensor(open_image(content), Settings(extractor=extractor), size, MULTIPLE)
    return time.perf_counter() - begin

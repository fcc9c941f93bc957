"""A small drawing on its page: how many parts take the reference's colour, against the same drawing alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from lib_colorize.engine.engine import Engine
from lib_colorize.errors import ColorizeError
from lib_colorize.method.settings import Settings
from tools.reading_check.findings import ReadingFigure
from tools.reading_check.packages import Packages
from training.evidence.measures import FAR, colour_difference, colour_of
from training.evidence.questions import Benchmark, Question, open_benchmark

ROOT = Path(__file__).parents[2]
BENCHMARK = "COLORIZE_BENCHMARK"  # environment: a folder that `python -m training.evidence.benchmark` made
SHARES = (0.33, 0.2)  # of the page's side
PAIRS = 16  # evenly over the benchmark
LESS = 0.05


def run(packages: Packages) -> Iterator[ReadingFigure]:
    """Shares of parts within 20 CIEDE2000: alone, and at each size on a page that is larger by so much."""
    folder = Path(os.environ.get(BENCHMARK, ROOT / "data" / "evidence"))
    if not folder.is_dir():
        raise ColorizeError(f"{folder}: no benchmark there; make one with python -m training.evidence.benchmark "
                            f"--out {folder}, or name one in {BENCHMARK}")
    benchmark = open_benchmark(folder)
    engine = Engine.load(ROOT / "models" / "colorize-small.safetensors", device="cpu")
    asked = benchmark.pairs[::max(1, len(benchmark.pairs) // PAIRS)][:PAIRS]
    alone = share_right(benchmark, engine, asked, 1.0)
    yield ReadingFigure(f"parts within 20 CIEDE2000, {len(asked)} drawings alone", alone)
    for share in SHARES:
        yield ReadingFigure(f"the same at {share:.0%} of a page", share_right(benchmark, engine, asked, share),
                            alone - LESS)


def share_right(benchmark: Benchmark, engine: Engine, asked: tuple[Question, ...], share: float) -> float:
    """Of all parts with an expected colour; background is none."""
    errors: list[float] = []
    for pair in asked:
        sketch = benchmark.sketch(pair).convert("RGB")
        page, box = larger_page(sketch, share)
        made = engine.colorize(page, benchmark.reference(pair), Settings())[0].image
        x, y = made.width / page.width, made.height / page.height
        own = made.crop((round(box[0] * x), round(box[1] * y), round(box[2] * x), round(box[3] * y)))
        own = own.resize(sketch.size, Image.Resampling.LANCZOS)
        for label, expected in zip(pair.labels, pair.expected):
            found = colour_of(own, benchmark.region(pair, label)) if expected and label != "background" else None
            if found is not None:
                errors.append(colour_difference(found, [expected]))
    return float((np.array(errors) <= FAR).mean())


def larger_page(sketch: Image.Image, share: float) -> tuple[Image.Image, tuple[int, int, int, int]]:
    """The drawing, as it is, on a page that it takes `share` of on a side, off its middle; and where it lies."""
    width, height = (round(side / share) for side in sketch.size)
    left, top = (width - sketch.width) // 3, (height - sketch.height) // 2
    page = Image.new("RGB", (width, height), "white")
    page.paste(sketch, (left, top))
    return page, (left, top, left + sketch.width, top + sketch.height)

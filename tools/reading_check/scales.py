"""Does one drawing give the same lines, scanned at any size? A pencil drawing with shade, grain and dot tone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from lib_colorize.errors import ColorizeError
from lib_colorize.method.reading_settings import LineStrength
from lib_colorize.method.settings import Polarity, Settings
from lib_colorize.pictures.preview import shown_sketch
from tools.reading_check.findings import ReadingFigure
from tools.reading_check.packages import Packages

GOAL, REACH = 0.95, 1.5  # px of the working size
SIZES, SHOWN, MULTIPLE = (500, 1000, 2000, 4000, 8000, 11_000), 256, 64
AGAINST = 2000  # px, what all others are compared with
PAGES = ("elephant", "manatee")
GREY, GRAIN, SHADE = 0.45, 4.0, 0.35  # of the pencil; of 255; by how much the darkest corner is darker
DOTS, DOT_TONE = 120, 0.5  # across the page; how dark they are, of the pencil


def run(packages: Packages) -> Iterator[ReadingFigure]:
    """The least F1 between sizes for each extractor, and what the authors' way gives."""
    folder = packages.pictures("tuxpaint-data")
    for extractor in ("lineart", "paper"):
        for dark in (False, True):
            what = f"{extractor}, {'light on dark' if dark else 'dark on light'}"
            yield least(what, folder, extractor, SIZES, 0.0, dark)
    yield least("lineart, with dot tone", folder, "lineart", SIZES[1:4], DOT_TONE, False)
    lines = lines_at(folder / f"{PAGES[0]}.svg", "lineart", LineStrength.AS_DRAWN, False, SIZES[:4])
    yield ReadingFigure("lineart as drawn, 500 to 4000 px: least F1",
                        min(f1(each, lines[AGAINST]) for each in lines.values()))


def least(what: str, folder: Path, extractor: str, sizes: tuple[int, ...], tone: float, dark: bool) -> ReadingFigure:
    """Of all pages and sizes, the lines that are least alike."""
    found = {page: lines_at(folder / f"{page}.svg", extractor, LineStrength.AUTO, dark, sizes, tone) for page in PAGES}
    value, where = min((f1(lines[size], lines[AGAINST]), f"{page} at {size} px")
                       for page, lines in found.items() for size in lines)
    return ReadingFigure(f"{what}, {sizes[0]} to {sizes[-1]} px: least F1", value, GOAL, note=where)


def lines_at(svg: Path, extractor: str, strength: LineStrength, dark: bool, sizes: tuple[int, ...], tone: float = 0.0,
             ) -> dict[int, np.ndarray]:
    """Where there are lines, [H, W] of bool, for scans of each size."""
    settings = Settings(extractor=extractor, line_strength=strength,
                        polarity=Polarity.LIGHT_ON_DARK if dark else Polarity.DARK_ON_LIGHT)
    found: dict[int, np.ndarray] = {}
    for size in sizes:
        try:
            seen = shown_sketch(scanned(svg, size, dark, tone), settings, SHOWN, MULTIPLE)
        except ColorizeError:  # no lines
            seen = Image.new("L", (1, 1), 255) if not found else Image.new("L", found[sizes[0]].shape[::-1], 255)
        found[size] = np.asarray(seen.convert("L")) < 128
    return found


def scanned(svg: Path, size: int, dark: bool, tone: float) -> Image.Image:
    """The page drawn in pencil and scanned at so many px, RGB: uneven light, grain of the scanner, an area of dot tone.

    Dots have the same place in the drawing at every size, as what is on paper has; grain is the scanner's own.
    """
    from training.small.rasterize import over, rasterize

    page = np.asarray(over(rasterize(svg.read_text(encoding="utf-8"), size), "white").convert("L"), np.float32) / 255
    h, w = page.shape
    y, x = np.ogrid[:h, :w]
    v, u = y / max(h, w), x / max(h, w)
    dots = (u > 0.55) & (v > 0.45) & (((u * DOTS) % 1 - 0.5) ** 2 + ((v * DOTS) % 1 - 0.5) ** 2 < 0.06)
    paper = 1 - GREY * np.maximum(1 - page, tone * dots)
    paper *= 1 - SHADE * (u + v).astype(np.float32) / 2
    paper += np.random.default_rng(size).standard_normal(paper.shape, dtype=np.float32) * (GRAIN / 255)
    grey = (paper.clip(0, 1) * 255).round().astype(np.uint8)
    return Image.fromarray(255 - grey if dark else grey).convert("RGB")


def f1(found: np.ndarray, expected: np.ndarray) -> float:
    """Of lines within REACH px; pictures of whole pixels differ by one in shape."""
    from training.metrics.lines import compare

    h, w = (min(sides) for sides in zip(found.shape, expected.shape))
    return compare(found[:h, :w], expected[:h, :w], REACH).f1

"""How much ink the lines of colouring pages have at the size that a model is shown, as they lie on the disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from lib_colorize.method.reading_settings import LineStrength
from lib_colorize.method.settings import Settings
from lib_colorize.pictures.flattening import WHITE, over_paper
from lib_colorize.pictures.picture_files import open_image
from lib_colorize.pictures.preview import shown_sketch
from tools.reading_check.centre_lines import centre_points, ink_at
from tools.reading_check.findings import ReadingFigure
from tools.reading_check.packages import Packages

GOAL = 0.8
SIZES, MULTIPLE, LARGE = (128, 256, 512), 64, 1600
LINE_PAGES = ("frog", "chicken", "hat", "jetplane", "street", "tux_farmer", "rocket", "shipwreck", "pansy", "nagasaki")
DRAWN_PAGES = ("bald_eagle", "car2", "desert_tortoise", "elephant", "gecko", "hat", "manatee", "old_soviet_car",
               "skull", "spirograph", "woodpecker")


def run(packages: Packages) -> Iterator[ReadingFigure]:
    """The page with the least, at each size; and what the authors' way leaves of it."""
    folder = packages.pictures("tuxpaint-data")
    pages = {name: over_paper(open_image(folder / f"{name}.png"), WHITE) for name in LINE_PAGES}
    drawn = {f"{name}.svg": large_page(folder / f"{name}.svg") for name in DRAWN_PAGES}
    for what, found in (("colouring pages", pages), (f"colouring pages of {LARGE} px", drawn)):
        points = {name: centre_points(1 - np.asarray(page.convert("L"), np.float32) / 255)
                  for name, page in found.items()}
        for size in SIZES:
            least, name = min((shown_ink(found[name], points[name], size, LineStrength.AUTO), name) for name in found)
            was = [shown_ink(found[name], points[name], size, LineStrength.AS_DRAWN) for name in found]
            yield ReadingFigure(f"ink of {len(found)} {what} at {size} px, the least", least, GOAL,
                                note=f"{name}; as drawn {min(was):.2f} to {max(was):.2f}")


def shown_ink(page: Image.Image, points: np.ndarray, size: int, strength: LineStrength) -> float:
    """The median ink of a page's centre lines, as the sketch encoder is shown them."""
    seen = shown_sketch(page, Settings(line_strength=strength), size, MULTIPLE)
    return ink_at(1 - np.asarray(seen.convert("L"), np.float32) / 255, points)


def large_page(file: Path) -> Image.Image:
    """An SVG page, RGB, LARGE px on its longer side."""
    from training.small.rasterize import over, rasterize

    return over(rasterize(file.read_text(encoding="utf-8"), LARGE), "white")

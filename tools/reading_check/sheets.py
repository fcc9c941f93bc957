"""Photos of paper: the lines of the sheet that is found on a desk, against those of the flat scan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from lib_colorize.errors import ColorizeError
from lib_colorize.method.settings import Settings
from lib_colorize.pictures.images import line_drawing, resizing
from lib_colorize.pictures.opened_page import open_page
from lib_colorize.pictures.sheet import Sheet, sheet_of
from tools.reading_check.desks import BEYOND, DESKS, LIGHTS, SIZE, photo, photos
from tools.reading_check.findings import ReadingFigure
from tools.reading_check.packages import Packages
from training.metrics.lines import compare

SKETCHES = Path(__file__).parents[2] / "examples" / "sketches"
DRAWN = ("woman", "dog", "gift", "cow", "pickup")  # one on each desk
WORKING = 256  # pixels, the longer side at which lines are compared
REACH = 2.0  # pixels
GOAL = 0.9


def run(packages: Packages) -> Iterator[ReadingFigure]:
    """The mean F1 of each desk's fifteen photos, the worst of all, and how often a sheet is found where none is."""
    every: dict[str, float] = {}
    for desk, name in zip(DESKS, DRAWN):
        drawing = Image.open(SKETCHES / f"{name}.png").convert("L")
        flat = lines_of(drawing.convert("RGB"))
        found = {f"{desk}, {shot.light}, {shot.angle}": compare(lines_of(shot.image, flat.shape), flat, REACH).f1
                 for shot in photos(drawing, desk)}
        every |= found
        yield ReadingFigure(f"F1 of lines, {len(found)} photos on a desk: {desk}", float(np.mean(list(found.values()))),
                            GOAL)
    bad = [name for name, f1 in every.items() if f1 < GOAL]
    yield ReadingFigure(f"of all {len(every)}: share with an F1 of {GOAL:g} or more", 1 - len(bad) / len(every), 0.95,
                        note="; ".join(bad))
    shots = [(desk, light, angle) for desk in ("dark", "wood") for light in LIGHTS[:4] for angle in BEYOND]
    drawing = Image.open(SKETCHES / f"{DRAWN[0]}.png").convert("L")
    held = [is_all_of_it(sheet_of(photo(drawing, *shot)), BEYOND[shot[2]]) for shot in shots]
    yield ReadingFigure(f"of {len(shots)} whose sheet the photo does not hold, dark desks: share found as far as seen",
                        float(np.mean(held)), 0.9, note="; ".join(", ".join(s) for s, ok in zip(shots, held) if not ok))
    flat_art = [path for path in sorted(packages.pictures("tuxpaint-data").glob("*.png"))][:60]
    false = [path.stem for path in flat_art if open_page(Image.open(path).convert("RGB"), Settings()).sheet is not None]
    yield ReadingFigure(f"sheets found in {len(flat_art)} colouring pages", float(len(false)), 0, at_most=True,
                        note=", ".join(false))


def lines_of(picture: Image.Image, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """[h, w] of bool at the working size; none where the picture cannot be read."""
    settings = Settings(fit_drawing=False)
    sketch = open_page(picture, settings).sketch
    if shape is None:
        scale = WORKING / max(sketch.size)
        shape = (round(sketch.height * scale), round(sketch.width * scale))
    try:
        lines = line_drawing(sketch, settings, (shape[1], shape[0]))
    except ColorizeError:
        return np.zeros(shape, bool)
    return np.asarray(resizing(settings)(lines, *shape)[0].amax(0).numpy() > 0)


def is_all_of_it(sheet: Sheet | None, corners: Sequence[tuple[float, float]]) -> bool:
    """Whether a found sheet covers what is seen of it and nothing of the desk, to 3 % of both together."""
    if sheet is None:
        return False
    found, seen = (_covered(at) for at in (sheet.corners, [(x * SIZE[0], y * SIZE[1]) for x, y in corners]))
    return float((found & seen).sum()) > 0.97 * float((found | seen).sum())


def _covered(corners: Sequence[tuple[float, float]]) -> np.ndarray:
    """[h, w] of bool: the photo's pixels within these corners, which may lie outside of it."""
    field = Image.new("L", SIZE)
    ImageDraw.Draw(field).polygon(list(corners), fill=255)
    return np.asarray(field) > 0

"""How even areas come out: colours of a picture of the shipped model's size, carried up to sketches of 2,048 px."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image
from scipy import ndimage

from lib_colorize.finishing.areas import INK
from lib_colorize.finishing.colour import colour_distance
from lib_colorize.finishing.divided import finish
from lib_colorize.finishing.drawing import drawing_on_white
from lib_colorize.method.settings import Settings
from lib_colorize.pictures.colour_spaces import lab_of
from tools.finishing_check.pairs import PaintedPair, painted_pairs
from tools.finishing_check.parts import Sources
from tools.reading_check.findings import ReadingFigure

GOAL = 0.995
CLEAR, LIKE = 2.0, 5.0  # px from a line, beyond which a pixel counts; CIEDE2000 from its area's median
STEP = 4  # every so many-th row and column is looked at: 262,144 pixels of a drawing


def run(sources: Sources) -> Iterator[ReadingFigure]:
    """The share of pixels clear of lines that are near their area's median colour: the mean over the drawings."""
    found: dict[str, list[float]] = {}
    for pair in painted_pairs(sources):
        drawing = drawing_on_white(pair.sketch, Settings())
        areas = true_areas(pair, drawing)[::STEP, ::STEP]
        done = finish(drawing, pair.painted)
        plain = np.asarray(pair.painted.resize(pair.sketch.size, Image.Resampling.LANCZOS))
        flat = done.usual[done.labels]
        for name, picture in (("carried up", done.colours), ("plain Lanczos", plain), ("each area flat", flat)):
            found.setdefault(name, []).append(float((off_median(picture[::STEP, ::STEP], areas) <= LIKE).mean()))
    for name, shares in found.items():
        note = f"lowest {min(shares):.4f}; {len(shares)} drawings"
        goal = GOAL if name == "carried up" else None
        yield ReadingFigure(f"{name}: within {LIKE:g} CIEDE2000 of the area's median", float(np.mean(shares)), goal,
                            note=note)


def true_areas(pair: PaintedPair, drawing: np.ndarray) -> np.ndarray:
    """[H, W] int32: pieces of the drawing's parts that its lines divide; 0 within CLEAR px of a line, or nobody's."""
    clear = ndimage.distance_transform_edt(drawing.min(2) > 255 * (1 - INK)) > CLEAR
    areas, count = np.zeros(clear.shape, np.int32), 0
    for part in np.unique(pair.labels[clear & (pair.labels > 0)]):
        pieces, number = ndimage.label((pair.labels == part) & clear)
        areas = np.where(pieces > 0, pieces + count, areas).astype(np.int32)
        count += number
    return areas


def off_median(picture: np.ndarray, areas: np.ndarray) -> np.ndarray:
    """[n] CIEDE2000 of each pixel that an area has from that area's median colour; picture: [H, W, 3] uint8."""
    own = areas > 0
    lab, place = lab_of(picture[own]), areas[own]
    numbers = np.arange(1, int(areas.max()) + 1)
    median = np.stack([ndimage.median(lab[:, channel], place, numbers) for channel in range(3)], 1)
    return colour_distance(lab, median[place - 1])

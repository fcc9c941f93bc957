"""Whether one dot of colour for each wrong area puts it right: held-out drawings whose true colours are known."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from lib_colorize.finishing.colour import colour_distance
from lib_colorize.finishing.divided import DividedDrawing
from lib_colorize.finishing.drawing import drawing_on_white
from lib_colorize.finishing.touch_up import touched_up
from lib_colorize.method.settings import Settings
from lib_colorize.pictures.colour_spaces import lab_of
from tools.finishing_check.pairs import PaintedPair, painted_pairs
from tools.finishing_check.parts import Sources
from tools.finishing_check.snap import true_areas
from tools.reading_check.findings import ReadingFigure

GOAL = 1.0
RIGHT = 10.0  # CIEDE2000 between an area's median colour and the true one
DOT = 5  # px, the radius of a dot, in a drawing of 2,048 px
SEEN = 4 * DOT**2  # px; nobody dots a smaller area


def run(sources: Sources) -> Iterator[ReadingFigure]:
    """The share of areas that are right before the hints and after them, over all drawings."""
    before, after = [], []
    for pair in painted_pairs(sources):
        found = dotted(pair)
        before.append(found[0])
        after.append(found[1])
    for name, rights, goal in (("before", before, None), ("after a dot for each wrong area", after, GOAL)):
        every = np.concatenate(rights)
        note = f"{int((~every).sum())} of {len(every)} areas wrong; {len(rights)} drawings"
        yield ReadingFigure(f"areas right {name}", float(every.mean()), goal, note=note)


def dotted(pair: PaintedPair, radius: int = DOT) -> tuple[np.ndarray, np.ndarray]:
    """[n] bool each: whether each true area is right in the finished picture, and in the one that is touched up."""
    drawing = drawing_on_white(pair.sketch, Settings())
    areas = true_areas(pair, drawing)
    areas[np.isin(areas, np.flatnonzero(np.bincount(areas.ravel()) < SEEN))] = 0
    wanted = median_labs(np.asarray(pair.colours), areas)
    divided = DividedDrawing.of(drawing)
    done = divided.finished(pair.painted)
    right = colour_distance(median_labs(done.colours, areas), wanted) <= RIGHT
    hints = dots(areas, np.asarray(pair.colours), ~right, radius)
    touched, _ = touched_up(done, drawing, hints, ()) if not right.all() else (done, 0)
    return right, colour_distance(median_labs(touched.colours, areas), wanted) <= RIGHT


def median_labs(picture: np.ndarray, areas: np.ndarray) -> np.ndarray:
    """[n, 3] CIELAB: the median colour of each area that there is, by its number."""
    own = areas > 0
    lab = lab_of(picture[own])
    return np.stack([ndimage.median(lab[:, channel], areas[own], np.unique(areas[own])) for channel in range(3)], 1)


def dots(areas: np.ndarray, colours: np.ndarray, wrong: np.ndarray, radius: int) -> Image.Image:
    """A dot of the true colour in the widest place of each wrong area, transparent around."""
    hints = Image.new("RGBA", (areas.shape[1], areas.shape[0]))
    boxes = ndimage.find_objects(areas)
    for number in np.unique(areas[areas > 0])[wrong]:
        box = boxes[number - 1]
        own = np.pad(areas[box] == number, 1)
        y, x = np.unravel_index(ndimage.distance_transform_edt(own).argmax(), own.shape)
        y, x = int(y) - 1 + box[0].start, int(x) - 1 + box[1].start
        red, green, blue = (int(value) for value in np.median(colours[box][own[1:-1, 1:-1]], 0))
        ImageDraw.Draw(hints).ellipse((x - radius, y - radius, x + radius, y + radius), fill=(red, green, blue, 255))
    return hints

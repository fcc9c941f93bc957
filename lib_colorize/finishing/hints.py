"""Colour hints: strokes and dots over the sketch, each the colour of the area that it lies in.

As in LazyBrush (Sykora, Dingliana and Collins, Eurographics 2009) a stroke need not be exact: it counts for the areas
that hold a good part of it, so that it may run over a line.
"""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage

from ..errors import ColorizeError
from ..pictures.colour_spaces import lab_of
from .areas import INK
from .colour import colour_distance
from .finished import Finished
from .ink import Ink
from .recolour import Colours

DRAWN = 128  # alpha, from which on a pixel belongs to a stroke
CHANGED = 40  # of 255: how much a pixel of an opaque picture must differ from the drawing
SHARE = 0.2  # of a stroke that an area must hold
LIKE = 10.0  # CIEDE2000 between areas that the painting shows as one
FEWEST = 4  # px of a colour


def hint_colours(hints: Image.Image, drawing: np.ndarray, finished: Finished) -> Colours:
    """The colour that each touched area is to have, and each area that joins one across a gap of the lines.

    hints: strokes on transparency, or on the sketch itself; drawing: [H, W, 3] uint8, lines on white.
    ColorizeError for hints of another size, and without a stroke on paper.
    """
    return _with_joined(strokes(hints, drawing, finished.ink, finished.labels), finished)


def strokes(
    hints: Image.Image, drawing: np.ndarray, ink: Ink, labels: np.ndarray,
) -> dict[int, tuple[int, int, int]]:
    """The colour of each area that a stroke touches; arguments and errors as of `hint_colours`."""
    height, width = drawing.shape[:2]
    if hints.size != (width, height):
        raise ColorizeError(f"the hints are {hints.width}x{hints.height}, the sketch {width}x{height}: "
                            "expected strokes on a picture of the sketch's own size")
    pixels = np.asarray(hints.convert("RGBA"))
    drawn = pixels[..., 3] >= DRAWN
    if drawn.all():
        drawn = np.abs(pixels[..., :3].astype(np.int16) - drawing).max(2) > CHANGED
    found = _touched(pixels, drawn, ink.alpha < INK * 255, labels)
    if not found:
        raise ColorizeError("the hints hold no stroke on the paper of the sketch; draw strokes or dots of the wanted "
                            "colours, on transparency or on a copy of the sketch")
    return found


def _touched(
    pixels: np.ndarray, drawn: np.ndarray, paper: np.ndarray, labels: np.ndarray,
) -> dict[int, tuple[int, int, int]]:
    """What lies on paper of each stroke, by the areas there; where two strokes meet in one the larger counts."""
    strokes, _ = ndimage.label(drawn, np.ones((3, 3)))
    found: dict[int, tuple[int, tuple[int, int, int]]] = {}
    for number, box in enumerate(ndimage.find_objects(strokes), 1):
        own = (strokes[box] == number) & paper[box]
        colours, areas = pixels[box][own][:, :3], labels[box][own]
        kinds = (colours >> 5).astype(np.int32) @ np.array([64, 8, 1])
        for kind in np.unique(kinds):
            same = kinds == kind
            for area, count in zip(*np.unique(areas[same], return_counts=True)):
                if count >= max(FEWEST, SHARE * same.sum()) and count > found.get(int(area), (0, ()))[0]:
                    red, green, blue = (int(v) for v in np.median(colours[same & (areas == area)], 0))
                    found[int(area)] = int(count), (red, green, blue)
    return {area: colour for area, (_, colour) in found.items()}


def _with_joined(found: dict[int, tuple[int, int, int]], finished: Finished) -> Colours:
    """And the areas that open paper joins to a touched one, and that look like it: the gap was closed by us."""
    usual = lab_of(finished.usual)
    beside = open_borders(finished)
    given, todo = dict(found), list(found)
    while todo:
        area = todo.pop()
        for other in beside.get(area, ()):
            if other not in given and float(colour_distance(usual[area], usual[other])) <= LIKE:
                given[other] = given[area]
                todo.append(other)
    return given


def open_borders(finished: Finished) -> dict[int, set[int]]:
    """Areas that meet on paper, without a line between them."""
    found: dict[int, set[int]] = {}
    paper = finished.ink.alpha < INK * 255
    labels = finished.labels
    for one, other in (((slice(None), slice(1, None)), (slice(None), slice(None, -1))),
                       ((slice(1, None), slice(None)), (slice(None, -1), slice(None)))):
        meet = (labels[one] != labels[other]) & paper[one] & paper[other]
        for a, b in np.unique(np.stack([labels[one][meet], labels[other][meet]], 1), axis=0):
            found.setdefault(int(a), set()).add(int(b))
            found.setdefault(int(b), set()).add(int(a))
    return found

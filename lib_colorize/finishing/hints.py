"""Colour hints: strokes and dots over the sketch, each the colour of the area that it lies in.

As in LazyBrush (Sykora, Dingliana and Collins, Eurographics 2009) a stroke need not be exact: it counts for the areas
that hold a good part of it, so that it may run over a line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image
from scipy import ndimage

from ..errors import ColorizeError
from ..pictures.colour_spaces import lab_of
from ..pictures.eight_bits import to_8bit
from ..pictures.flattening import WHITE, over_paper
from .areas import INK
from .colour import colour_distance
from .finished import Finished
from .ink import Ink
from .recolour import Colours
from .shared_areas import border, in_a_room, shared_out

DRAWN = 128  # alpha, from which on a pixel belongs to a stroke
CHANGED = 40  # of 255: how much a pixel of an opaque picture must differ from the drawing
SHARE = 0.2  # of a stroke that an area must hold
MEANT = 0.6  # of a stroke that an area must hold to be divided for it
LIKE = 10.0  # CIEDE2000 between areas that the painting shows as one
FEWEST = 4  # px of a colour


@dataclass(frozen=True)
class Touch:
    """What of one stroke lies on one area: its colour, how much of the stroke, its pixels [n, 2] (y, x)."""

    colour: tuple[int, int, int]
    share: float
    pixels: np.ndarray


Touches = Mapping[int, list[Touch]]  # area -> the strokes on it, the largest first


def hint_colours(
    hints: Image.Image, drawing: np.ndarray, finished: Finished, sketch: Image.Image | None = None,
) -> tuple[Finished, Colours]:
    """The colour that each touched area is to have, and each area that joins one across a gap of the lines.

    hints: strokes on transparency, or on the sketch itself; drawing: [H, W, 3] uint8, lines on white; sketch: what it
    was made of, of its size, with its own colours of paper and lines. An area that strokes of several colours lie in is
    divided among them: the picture that comes back has these pieces for areas.
    ColorizeError for hints of another size, and without a stroke on paper.
    """
    found = strokes(hints, drawing, finished.ink, finished.labels, sketch)
    finished, given = _divided(found, finished)
    return finished, _with_joined(given, finished)


def strokes(
    hints: Image.Image, drawing: np.ndarray, ink: Ink, labels: np.ndarray, sketch: Image.Image | None = None,
) -> Touches:
    """Which strokes touch which areas; arguments and errors as of `hint_colours`."""
    height, width = drawing.shape[:2]
    if hints.size != (width, height):
        raise ColorizeError(f"the hints are {hints.width}x{hints.height}, the sketch {width}x{height}: "
                            "expected strokes on a picture of the sketch's own size")
    pixels = np.asarray(hints.convert("RGBA"))
    drawn = pixels[..., 3] >= DRAWN
    if drawn.all():
        drawn = _changed(pixels, drawing)
        if sketch is not None:
            drawn &= _changed(pixels, np.asarray(over_paper(to_8bit(sketch), WHITE)))
    found = _touched(pixels, drawn, ink.alpha < INK * 255, labels)
    if not found:
        raise ColorizeError("the hints hold no stroke on the paper of the sketch; draw strokes or dots of the wanted "
                            "colours, on transparency or on a copy of the sketch")
    return found


def _changed(pixels: np.ndarray, copied: np.ndarray) -> np.ndarray:
    """[H, W] bool, where [H, W, 3 or 4] is no longer the copied [H, W, 3]."""
    found: np.ndarray = np.abs(pixels[..., :3].astype(np.int16) - copied).max(2) > CHANGED
    return found


def _touched(pixels: np.ndarray, drawn: np.ndarray, paper: np.ndarray, labels: np.ndarray) -> Touches:
    """What lies on paper of each stroke, by the areas there."""
    pieces, _ = ndimage.label(drawn, np.ones((3, 3)))
    found: dict[int, list[Touch]] = {}
    for number, box in enumerate(ndimage.find_objects(pieces), 1):
        own = (pieces[box] == number) & paper[box]
        places = np.argwhere(own) + np.array([box[0].start, box[1].start])
        colours, areas = pixels[box][own][:, :3], labels[box][own]
        kinds = (colours >> 5).astype(np.int32) @ np.array([64, 8, 1])
        for kind in np.unique(kinds):
            same = kinds == kind
            for area, count in zip(*np.unique(areas[same], return_counts=True)):
                if count >= max(FEWEST, SHARE * same.sum()):
                    here = same & (areas == area)
                    red, green, blue = (int(v) for v in np.median(colours[here], 0))
                    touch = Touch((red, green, blue), float(count / same.sum()), places[here])
                    found.setdefault(int(area), []).append(touch)
    return {area: sorted(touches, key=lambda touch: -len(touch.pixels)) for area, touches in found.items()}


def _divided(found: Touches, finished: Finished) -> tuple[Finished, dict[int, tuple[int, int, int]]]:
    """Each touched area with its stroke's colour; one with strokes of several is divided among those that it holds.

    A stroke that only runs over a line into it divides nothing: the larger counts. Of the area of the page, what lies
    about strokes in a room of their own, or on another colour than the page's, is theirs, and the page stays.
    """
    given: dict[int, tuple[int, int, int]] = {}
    labels, paper = finished.labels.copy(), finished.ink.alpha < INK * 255
    boxes = ndimage.find_objects(finished.labels)
    for area, touches in found.items():
        meant = [touch for touch in touches if touch.share >= MEANT or touch is touches[0]]
        rim = _rim(finished.labels, area)
        page = len(rim) > 0 and all(_off_page(touch, area, rim, finished, paper) for touch in meant)
        if not page and len({touch.colour for touch in meant}) < 2:
            given[area] = touches[0].colour
            continue
        box = boxes[area - 1]
        corner = (box[0].start, box[1].start)
        seeds = [touch.pixels - corner for touch in meant] + ([rim - corner] if page else [])
        pieces = shared_out(finished.labels[box] == area, paper[box], finished.colours[box], seeds)
        for number, touch in enumerate(meant):
            mine = int(labels.max()) + 1
            labels[box][pieces == number] = mine
            given[mine] = touch.colour
    return replace(finished, labels=labels), given


def _rim(labels: np.ndarray, area: int) -> np.ndarray:
    """[n, 2] (y, x): the pixels of an area along the picture's sides."""
    inner = np.zeros(labels.shape, bool)
    inner[1:-1, 1:-1] = True
    return np.argwhere((labels == area) & ~inner)


def _off_page(touch: Touch, area: int, rim: np.ndarray, finished: Finished, paper: np.ndarray) -> bool:
    """Whether a stroke on the area of the page does not mean the page."""
    own, page = (lab_of(np.median(finished.colours[tuple(places.T)], 0)[None].astype(np.uint8))
                 for places in (touch.pixels, rim))
    return bool(colour_distance(own, page)[0] > 2 * LIKE) or in_a_room(finished.labels == area, paper, touch.pixels)


def _with_joined(found: dict[int, tuple[int, int, int]], finished: Finished) -> Colours:
    """And the areas that open paper joins to a touched one, and that look like it: the gap was closed by us.

    Not the page, unless a stroke lies on it: nothing of it would be left.
    """
    page = set(np.unique(border(finished.labels)).tolist())
    usual = lab_of(finished.usual)
    beside = open_borders(finished)
    given, todo = dict(found), list(found)
    while todo:
        area = todo.pop()
        for other in beside.get(area, ()):
            near = other not in given and (area in page or other not in page)
            if near and float(colour_distance(usual[area], usual[other])) <= LIKE:
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

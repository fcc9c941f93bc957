"""A drawing and a coloured picture of it -> the picture at the drawing's own size, lines and colours apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from PIL import Image

from ..errors import ColorizeError
from ..pictures.flattening import WHITE, over_paper
from .areas import GAP, find_areas
from .ink import Ink, ink_of, laid_over
from .layers import NAMES, Layer, median_colours, take_apart
from .snap import carry_up, full_labels
from .strips import strips

ANOTHER_SHAPE = 0.02  # by which the ratio of sides may differ: sizes are rounded to multiples of 8 and 64


@dataclass(frozen=True)
class Finished:
    """colours: [H, W, 3] uint8, without lines; ink: the lines over them; labels: [H, W] int32, areas 1..count."""

    colours: np.ndarray
    ink: Ink
    labels: np.ndarray

    @cached_property
    def usual(self) -> np.ndarray:
        """[count + 1, 3] uint8: the median colour of each area."""
        return median_colours(self.colours, self.labels)

    def picture(self) -> Image.Image:
        """RGB, the lines over the colours."""
        return Image.fromarray(laid_over(self.ink, self.colours))

    def layers(self, names: Sequence[str] = NAMES) -> list[Layer]:
        """From the bottom up; names: in place of NAMES."""
        return take_apart(self.colours, self.labels, self.ink, names)

    def with_colours(self, colours: np.ndarray) -> Finished:
        """The same lines over other colours [H, W, 3]."""
        return replace(self, colours=colours)


def finish(drawing: np.ndarray, coloured: Image.Image, gap: float = GAP) -> Finished:
    """drawing: [H, W, 3] uint8, lines on white; coloured: a picture of it, of any size; gap: of `find_areas`.

    A smaller or larger picture is carried to the drawing's size and loses its own lines. One of just the drawing's size
    is taken as it is: its layers give it back within 1/255, whatever its lines. Transparent pixels are white.
    ColorizeError for a picture of another shape.
    """
    height, width = drawing.shape[:2]
    ratio = coloured.width * height / (coloured.height * width)
    if not 1 - ANOTHER_SHAPE < ratio < 1 + ANOTHER_SHAPE:
        raise ColorizeError(f"the coloured picture is {coloured.width}x{coloured.height}, the sketch {width}x{height}: "
                            "expected the same shape; give the sketch that it was made from")
    coloured = over_paper(coloured, WHITE)
    ink = ink_of(drawing)
    areas = find_areas(ink.alpha, gap)
    labels = full_labels(areas, ink.alpha)
    colours = carry_up(coloured, areas, labels)
    if coloured.size != (width, height):
        return Finished(colours, ink, labels)
    return Finished(*_as_it_is(np.asarray(coloured.convert("RGB")), colours, ink), labels)


def _as_it_is(picture: np.ndarray, below: np.ndarray, ink: Ink) -> tuple[np.ndarray, Ink]:
    """Colours and ink that give just this picture: below the lines the colours are `below`.

    The line's colour follows from picture, opacity and what is below; where no colour would do, the line is opaque.
    """
    colours, colour, alpha = picture.copy(), np.zeros_like(picture), ink.alpha.copy()
    for rows in strips(picture):
        a = alpha[rows].astype(np.int32)[..., None]
        wanted = picture[rows].astype(np.int32)
        under = below[rows].astype(np.int32)
        line = (wanted * 255 - under * (255 - a) + a // 2) // np.maximum(a, 1)
        fits = ((line >= 0) & (line <= 255)).all(2, keepdims=True) & (a > 0)
        lined = a > 0
        colour[rows] = np.where(fits, line, np.where(lined, wanted, 0))
        alpha[rows] = np.where(lined & ~fits, 255, a)[..., 0]
        colours[rows] = np.where(lined, under, wanted)
    return colours, Ink(alpha, colour)

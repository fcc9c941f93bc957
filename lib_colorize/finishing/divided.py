"""A drawing taken to pieces once, and any coloured picture of it finished by them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from ..errors import ColorizeError
from ..pictures.flattening import WHITE, over_paper
from .areas import GAP, Areas, find_areas
from .finished import Finished
from .full_labels import full_labels
from .ink import Ink, ink_of
from .snap import carry_up
from .strips import strips

ANOTHER_SHAPE = 0.02  # by which the ratio of sides may differ: sizes are rounded to multiples of 8 and 64


@dataclass(frozen=True)
class DividedDrawing:
    """drawing: [H, W, 3] uint8, lines on white; its ink; areas, at their working size; labels: [H, W] int32, 1..count.

    What every picture of one drawing shares: a batch finds it once.
    """

    drawing: np.ndarray
    ink: Ink
    areas: Areas
    labels: np.ndarray

    @classmethod
    def of(cls, drawing: np.ndarray, gap: float = GAP) -> DividedDrawing:
        """gap: of `find_areas`."""
        ink = ink_of(drawing)
        areas = find_areas(ink.alpha, gap)
        return cls(drawing, ink, areas, full_labels(areas, ink.alpha))

    def finished(self, coloured: Image.Image) -> Finished:
        """coloured: a picture of the drawing, of any size. ColorizeError for one of another shape.

        A smaller or larger picture is `carried`. One of just the drawing's size is taken as it is: its layers give it
        back within 1/255, whatever its lines. What is transparent stays so, by whole areas.
        """
        mask = coloured.getchannel("A") if coloured.mode == "RGBA" else None
        coloured = over_paper(coloured, WHITE)
        finished = self.carried(coloured)
        if coloured.size == (self.labels.shape[1], self.labels.shape[0]):
            own = _as_it_is(np.asarray(coloured.convert("RGB")), finished.colours, self.ink)
            finished = Finished(*own, self.labels)
        return finished if mask is None or mask.getextrema()[0] == 255 else finished.cut_out(mask)

    def carried(self, coloured: Image.Image) -> Finished:
        """The same for RGB: carried to the drawing's size, its own lines lost, the drawing's over it."""
        require_shape(coloured.size, (self.labels.shape[1], self.labels.shape[0]))
        return Finished(carry_up(coloured, self.areas, self.labels), self.ink, self.labels)


def finish(drawing: np.ndarray, coloured: Image.Image, gap: float = GAP) -> Finished:
    """drawing: [H, W, 3] uint8, lines on white; coloured: a picture of it, of any size; gap: of `find_areas`.

    See `DividedDrawing.finished`.
    """
    require_shape(coloured.size, (drawing.shape[1], drawing.shape[0]))
    return DividedDrawing.of(drawing, gap).finished(coloured)


def require_shape(coloured: tuple[int, int], sketch: tuple[int, int]) -> None:
    """(width, height) of both. ColorizeError for a picture of another shape."""
    ratio = coloured[0] * sketch[1] / (coloured[1] * sketch[0])
    if not 1 - ANOTHER_SHAPE < ratio < 1 + ANOTHER_SHAPE:
        raise ColorizeError(f"the coloured picture is {coloured[0]}x{coloured[1]}, the sketch {sketch[0]}x{sketch[1]}: "
                            "expected the same shape; give the sketch that it was made from")


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

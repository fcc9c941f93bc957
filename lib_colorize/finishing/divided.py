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

NEARLY_FULL = 240  # of 255, opacity of a line up to which what is under it may follow from it
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

    The line's colour follows from picture, opacity and what is below. Where no colour would do, it is the drawing's own
    and what is below follows; where that would not do either, the line is as opaque as it must be for a colour.
    """
    colours, colour, alpha = picture.copy(), np.zeros_like(picture), ink.alpha.copy()
    for rows in strips(picture):
        a = alpha[rows].astype(np.int32)[..., None]
        wanted, under = picture[rows].astype(np.int32), below[rows].astype(np.int32)
        own = ink.colour[rows].astype(np.int32)
        other = (wanted * 255 - own * a + (255 - a) // 2) // np.maximum(255 - a, 1)
        lined = a > 0
        fits = _of_8_bits(_line(wanted, under, a))
        moved = _of_8_bits(other) & ~fits & (a < NEARLY_FULL) & lined
        a = np.where(fits | moved | ~lined, a, np.maximum(a, _least_opacity(wanted, under)))
        colour[rows] = np.where(moved, own, np.where(lined, np.clip(_line(wanted, under, a), 0, 255), 0))
        alpha[rows] = a[..., 0]
        colours[rows] = np.where(moved, other, np.where(lined, under, wanted))
    return colours, Ink(alpha, colour)


def _line(wanted: np.ndarray, under: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """The colour that, so opaque over what is under it, gives what is wanted; of any size. int32 of 255 all."""
    return np.asarray((wanted * 255 - under * (255 - alpha) + alpha // 2) // np.maximum(alpha, 1))


def _least_opacity(wanted: np.ndarray, under: np.ndarray) -> np.ndarray:
    """[.., 3] each -> [.., 1]: with which some colour over what is under it gives what is wanted. int32 of 255 all."""
    darker = wanted * 255 // np.maximum(under, 1)
    lighter = (255 - wanted) * 255 // np.maximum(255 - under, 1)
    return np.asarray(255 - np.minimum(np.minimum(darker, lighter).min(-1, keepdims=True), 255))


def _of_8_bits(values: np.ndarray) -> np.ndarray:
    """[.., 3] -> [.., 1] bool: whether all three are 0 to 255."""
    return np.asarray(((values >= 0) & (values <= 255)).all(2, keepdims=True))

"""The lines of a drawing as a layer: how opaque each pixel is, and of which colour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .strips import strips


@dataclass(frozen=True)
class Ink:
    """alpha: [H, W] uint8, 255 = full line; colour: [H, W, 3] uint8, the line's own, unmixed from its paper."""

    alpha: np.ndarray
    colour: np.ndarray


def ink_of(drawing: np.ndarray) -> Ink:
    """drawing: [H, W, 3] uint8, lines of any colour on white.

    A pixel p of a line of colour c on white is p = (1 - a) 255 + a c (Porter and Duff's `over`). The least a that
    explains a pixel is 1 - min(p) / 255, which makes one channel of c zero: right for black, and the usual "white to
    alpha" for others. p is got back within 1/255.
    """
    alpha = 255 - drawing.min(2)
    colour = np.zeros_like(drawing)
    for rows in strips(drawing):
        a = alpha[rows][..., None].astype(np.int32)
        line = ((drawing[rows].astype(np.int32) - (255 - a)) * 255 + a // 2) // np.maximum(a, 1)
        colour[rows] = np.clip(line, 0, 255)
    return Ink(alpha, colour)


def laid_over(ink: Ink, colours: np.ndarray) -> np.ndarray:
    """colours: [H, W, 3] uint8 -> the same with the lines over them."""
    out = np.empty_like(colours)
    for rows in strips(colours):
        a = ink.alpha[rows][..., None].astype(np.uint32)
        out[rows] = (colours[rows] * (255 - a) + ink.colour[rows] * a + 127) // 255
    return out

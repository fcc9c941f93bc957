"""The lines of a drawing as a layer: how opaque each pixel is, and of which colour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .strips import each_strip

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as Pillow's mode L


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
    alpha, colour = np.empty(drawing.shape[:2], np.uint8), np.zeros_like(drawing)

    def work(rows: slice) -> None:
        red, green, blue = (drawing[rows][..., channel] for channel in range(3))
        alpha[rows] = 255 - np.minimum(np.minimum(red, green), blue)
        lined = np.flatnonzero(alpha[rows])
        a = alpha[rows].reshape(-1)[lined].astype(np.int32)[:, None]
        line = ((drawing[rows].reshape(-1, 3)[lined].astype(np.int32) - (255 - a)) * 255 + a // 2) // a
        colour[rows].reshape(-1, 3)[lined] = np.clip(line, 0, 255)

    each_strip(drawing, work)
    return Ink(alpha, colour)


def laid_over(ink: Ink, colours: np.ndarray) -> np.ndarray:
    """colours: [H, W, 3] uint8 -> the same with the lines over them."""
    out: np.ndarray = np.ascontiguousarray(colours).copy()

    def work(rows: slice) -> None:
        lined = np.flatnonzero(ink.alpha[rows])
        a = ink.alpha[rows].reshape(-1)[lined].astype(np.uint16)[:, None]
        line, below = ink.colour[rows].reshape(-1, 3)[lined], out[rows].reshape(-1, 3)
        below[lined] = (below[lined] * (255 - a) + line * a + 127) // 255

    each_strip(colours, work)
    return out


def as_painted_or_more(ink: Ink, strength: float, painted: np.ndarray, colours: np.ndarray) -> Ink:
    """Lines at `strength` of their opacity, in 0..1, but nowhere fainter than the painting has them.

    painted: [H, W] uint8, grey, the painting with its own lines at the drawing's size; colours: [H, W, 3] uint8, what
    lies under the lines. Where the painting is darker than the colours by a share s, its line is opaque by s.
    """
    alpha = np.zeros_like(ink.alpha)

    def work(rows: slice) -> None:
        lined = np.flatnonzero(ink.alpha[rows])
        below = colours[rows].reshape(-1, 3)[lined].astype(np.float32) @ LUMA
        own = 1 - painted[rows].reshape(-1)[lined] / np.maximum(below, 1)
        share = np.clip(np.maximum(own, strength), 0, 1)
        alpha[rows].reshape(-1)[lined] = np.rint(ink.alpha[rows].reshape(-1)[lined] * share).astype(np.uint8)

    each_strip(colours, work)
    return Ink(alpha, ink.colour)

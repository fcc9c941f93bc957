"""Faint lines brought up: pencil of 235 on white, a line layer at 30 %. What is drawn in full ink stays as it is."""

from __future__ import annotations

from torch import Tensor

FULL = 0.68  # of ink: lines that reach this are no faint ones
VISIBLE = 0.03  # of ink: below it is paper, with its grain
FEW = 1e-4  # of the picture: fewer pixels are no drawing
ABOVE = 3.0  # times the grain of three quarters of the picture that faint lines must reach


def brought_up(picture: Tensor) -> Tensor:
    """picture: [3, h, w] in [0, 1], dark lines on white -> the same, its strongest lines black; itself when they are
    dark already, or hardly more than the paper's grain.

    What a fiftieth of the inked pixels surpass becomes black. Grain is left behind: the paper, up to twice what half
    of it lies below, stays white.
    """
    ink = 1 - picture.amin(0)
    flat = ink.flatten()
    step = max(1, len(flat) // 1_000_000)
    some = flat[::step]
    inked = some[some > VISIBLE]
    if len(inked) < max(8, FEW * len(some)):
        return picture
    full = float(inked.sort().values[int(0.98 * (len(inked) - 1))])
    if full >= FULL or full < ABOVE * float(some.sort().values[3 * len(some) // 4]):
        return picture
    paper = min(2 * float(some.median()), full / 3)
    return (1 - (1 - picture - paper) / (full - paper)).clamp(0, 1)

"""Hints and a palette, in this order, on a finished picture."""

from __future__ import annotations

import numpy as np
from PIL import Image

from .finished import Finished
from .hints import hint_colours
from .recolour import Colours, locked, recoloured


def touched_up(
    finished: Finished, drawing: np.ndarray, hints: Image.Image | None, palette: np.ndarray | None,
    limit: float = 100.0, sketch: Image.Image | None = None,
) -> tuple[Finished, int]:
    """The picture with other colours, and how many areas have one.

    palette: [n, 3] uint8 sRGB; sketch: of `hint_colours`. A hinted area takes the hint's own colour, whatever the
    palette; all others are drawn to the palette's.
    """
    hinted: Colours = {}
    if hints is not None:
        finished, hinted = hint_colours(hints, drawing, finished, sketch)
    wanted = ({} if palette is None else dict(locked(finished, palette, limit))) | dict(hinted)
    return recoloured(finished, wanted), len(wanted)

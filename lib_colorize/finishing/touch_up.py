"""Hints and a palette, in this order, on a finished picture."""

from __future__ import annotations

import numpy as np
from PIL import Image

from ..pictures.extras import Palette
from .finished import Finished
from .hints import hint_colours
from .recolour import Colours, locked, recoloured


def touched_up(
    finished: Finished, drawing: np.ndarray, hints: Image.Image | None, palette: Palette,
    limit: float = 100.0, sketch: Image.Image | None = None,
) -> tuple[Finished, int]:
    """The picture with other colours, and how many areas have one.

    palette: () = none; sketch: of `hint_colours`. A hinted area takes the hint's own colour, whatever the
    palette; all others are drawn to the palette's.
    """
    hinted: Colours = {}
    if hints is not None:
        finished, hinted = hint_colours(hints, drawing, finished, sketch)
    wanted = (dict(locked(finished, np.array(palette, np.uint8), limit)) if palette else {}) | dict(hinted)
    return recoloured(finished, wanted), len(wanted)

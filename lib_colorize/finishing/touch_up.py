"""Hints and a palette, in this order, on a finished picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from .finished import Finished
from .hints import hint_colours
from .palettes import read_palette
from .recolour import locked, recoloured


def touched_up(
    finished: Finished, drawing: np.ndarray, hints: Image.Image | None, palette: Path | None, limit: float = 100.0,
) -> tuple[Finished, int]:
    """The picture with other colours, and how many areas have one.

    A hinted area takes the hint's own colour, whatever the palette; all others are drawn to the palette's.
    """
    colours = None if palette is None else read_palette(palette)
    hinted = {} if hints is None else dict(hint_colours(hints, drawing, finished))
    wanted = ({} if colours is None else dict(locked(finished, colours, limit))) | hinted
    return recoloured(finished, wanted), len(wanted)

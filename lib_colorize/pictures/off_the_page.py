"""What of a page is no drawing: a grid under it and a frame around it become paper, and panels are told."""

from __future__ import annotations

from PIL import Image
from torch import Tensor

from ..errors import ColorizeError
from ..method.reading_settings import SketchReading
from ..method.settings import Polarity, Settings
from .fitting import LOOK
from .grid import without_grid
from .images import line_drawing
from .page_frame import frame_inside, without_frame_around
from .panels import panels_on
from .small_copies import at_most


def off_the_page(sketch: Image.Image, settings: Settings) -> tuple[Image.Image, Tensor | None, list[str]]:
    """The sketch without what is printed around or under it, the very picture where nothing is; and what was done.

    Between both the lines of a small copy of it, where a drawing is fitted; None when there are none.

    With a polarity that was asked for, values stay as they are.
    """
    told = []
    if settings.polarity is Polarity.AUTO and settings.reading is SketchReading.AUTO and sketch.mode == "RGB":
        clean = without_grid(sketch)
        told += [] if clean is sketch else ["a pale grid taken off"]
        sketch = clean
    lines = _lines_of_copy(sketch, settings) if settings.fit_drawing else None
    if lines is None:
        return sketch, None, told
    panels, inside = panels_on(lines), frame_inside(lines, sketch.size)
    if panels > 1:
        told.append(f"{panels} panels, coloured as one drawing: cut them apart for more of each")
    elif inside is not None:
        sketch = without_frame_around(sketch, inside)
        lines = _lines_of_copy(sketch, settings)
        told.append("a frame around the page left out, paper in the result")
    return sketch, lines, told


def _lines_of_copy(sketch: Image.Image, settings: Settings) -> Tensor | None:
    """The lines [1, 3, h, w] of a small copy; None when there are none, which is told where the sketch is read."""
    try:
        return line_drawing(at_most(sketch, LOOK), settings.with_(extractor="none"))
    except ColorizeError:
        return None

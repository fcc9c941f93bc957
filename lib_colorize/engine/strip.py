"""A strip, coloured window by window with one reference and one seed, and joined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from PIL import Image

from ..method.settings import Settings
from ..pictures.extras import Extras
from ..pictures.fitting import Box
from ..pictures.opened_page import OpenedPage
from ..pictures.strips import has_lines

Made = TypeVar("Made")
Progress = Callable[[int, int], None]


def paint_windows(
    paint: Callable[[Image.Image, Extras, Progress | None], Made], sketch: Image.Image, extras: Extras,
    windows: Sequence[Box], settings: Settings, progress: Progress | None,
) -> list[Made | None]:
    """What `paint` makes of each window, None for those where nothing is drawn.

    paint: takes a sketch, its extras, and a progress of its own. extras: over the sketch, and cut like it.
    """
    made: list[Made | None] = []
    for number, box in enumerate(windows):
        window = OpenedPage(sketch.crop(box), sketch.size, sketch.size, box=box)
        said = None if progress is None else _part_of(progress, number, len(windows))
        drawn = has_lines(window.sketch, settings)
        made.append(paint(window.sketch, window.extras(extras), said) if drawn else None)
    return made


def _part_of(progress: Progress, number: int, count: int) -> Progress:
    return lambda done, steps: progress(number * steps + done, count * steps)

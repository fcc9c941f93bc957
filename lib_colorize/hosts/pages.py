"""What of a run's sketches is looked at: the sheet of a photo, the drawing of a page, as far as the canvas allows."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

from ..errors import ColorizeError
from ..pictures.opened_page import OpenedPage, open_page
from ..pictures.strips import LONG, strip_windows
from .host_run import HostRun
from .settings import JobSettings, StartFrom


def follows_sketch(settings: JobSettings, run: HostRun) -> bool:
    """Whether the canvas has the sketch's shape, so that the picture is cut and put back by us."""
    return settings.size_from_sketch and not run.fixed_size and settings.start is StartFrom.NOISE


def pages_of(sketches: Sequence[Image.Image], settings: JobSettings, run: HostRun) -> tuple[OpenedPage, ...]:
    """One for each sketch.

    A drawing is fitted where the canvas follows it. A sheet is straightened there, and wherever the program has no
    picture of its own that the lines must lie on: not under a mask, in tiles, or over a base. ColorizeError for a
    strip, which has no canvas here.
    """
    free = settings.start is StartFrom.NOISE and not run.fixed_size
    own = settings.with_(photo=settings.photo and free,
                         fit_drawing=settings.fit_drawing and follows_sketch(settings, run))
    pages = tuple(open_page(sketch, own) for sketch in sketches)
    for page in pages if own.fit_drawing else ():
        if strip_windows(page.sketch.size, own):
            raise ColorizeError(
                f"the sketch of {page.sketch.width}x{page.sketch.height} pixels is a strip, more than {LONG:g} times "
                "as long as wide: too little of it would be seen on one canvas; cut it into pages, or colour it by "
                "python -m lib_colorize colorize, which works on it in windows")
    return pages

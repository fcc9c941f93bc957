"""What of a run's sketches is looked at: the sheet of a photo, the drawing of a page, as far as the canvas allows."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

from ..pictures.opened_page import OpenedPage, open_page
from .host_run import HostRun
from .settings import JobSettings, StartFrom


def follows_sketch(settings: JobSettings, run: HostRun) -> bool:
    """Whether the canvas has the sketch's shape, so that the picture is cut and put back by us."""
    return settings.size_from_sketch and not run.fixed_size and settings.start is StartFrom.NOISE


def pages_of(sketches: Sequence[Image.Image], settings: JobSettings, run: HostRun) -> tuple[OpenedPage, ...]:
    """One for each sketch.

    A drawing is fitted where the canvas follows it. A sheet is straightened there, and wherever the program has no
    picture of its own that the lines must lie on: not under a mask, in tiles, or over a base.
    """
    free = settings.start is StartFrom.NOISE and not run.fixed_size
    own = settings.with_(photo=settings.photo and free,
                         fit_drawing=settings.fit_drawing and follows_sketch(settings, run))
    return tuple(open_page(sketch, own) for sketch in sketches)

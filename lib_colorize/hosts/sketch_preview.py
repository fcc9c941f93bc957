"""What a page shows of a sketch before a run: what the model will see, how it was read, how large it will be."""

from __future__ import annotations

from typing import Any

from PIL import Image

from ..errors import ColorizeError
from ..finishing.result import at_sketch_size
from ..method.finish_settings import ResultSize
from ..method.settings import MAX_SIZE
from ..pictures.eight_bits import size_that_came
from ..pictures.extras import NO_EXTRAS
from ..pictures.framing import Fit, Frame
from ..pictures.images import line_drawing, resizing, to_image
from ..pictures.opened_page import open_page
from ..pictures.preview import shown_page
from ..pictures.reading import told_of_sketch
from .checkpoints import colorize_file
from .host import Host
from .host_run import HostRun
from .pages import follows_sketch
from .settings import JobSettings
from .sizes import placement_of
from .sketches import decode

SLIDER_LEAST, SLIDER_STEP = 64, 8  # of width and height in both WebUIs; the most is MAX_SIZE


def preview_sketch(host: Host, image: Any, settings: JobSettings, size: tuple[int, int] | None = None) -> Image.Image:
    """What the model will see of a sketch, black lines on white.

    size: of a canvas to stretch it to; None = as the loaded checkpoint works (the preview command shows the same), or
    at the sketch's own size where none is loaded that can colour.
    """
    if size is None:
        return preview_and_reading(host, image, settings)[0]
    picture = open_page(_given(host, image), settings.with_(fit_drawing=False)).sketch
    width, height = (min(max(int(side), 8), MAX_SIZE) for side in size)
    frame = Frame(width, height, Fit.STRETCH)
    lines = frame.place(line_drawing(picture, settings, frame.shown(picture.size)), resizing(settings))
    return to_image(-lines[0].clamp(-1, 1))


def preview_and_reading(host: Host, image: Any, settings: JobSettings) -> tuple[Image.Image, str]:
    """`preview_sketch` without a size; and its size, and how the sketch was read, in one line for a person."""
    picture = _given(host, image)
    file = colorize_file(host.chosen_path())
    if file is not None and file.card is not None and not file.problem:
        page = open_page(picture, settings)
        seen = shown_page(page, settings, file.card.resolution, file.card.multiple, file.card.square)
    else:
        page = open_page(picture, settings.with_(fit_drawing=False))
        seen = to_image(-line_drawing(page.sketch, settings)[0].clamp(-1, 1))
    width, height = size_that_came(picture)
    told = told_of_sketch(page.sketch, settings, page.told)
    size = "x".join(map(str, page.whole().size))
    result = f"; result in the sketch's own size, {size}" if _keeps_sketch_size(settings) else ""
    return seen, f"{seen.width}x{seen.height} of {width}x{height} pixels; {told}{result}"


def _keeps_sketch_size(settings: JobSettings) -> bool:
    """Whether results have the sketch's own size. Where the canvas does not follow the sketch its size was asked for.
    """
    wanted = settings.result_size is ResultSize.SKETCH
    return wanted or (at_sketch_size(settings, NO_EXTRAS) and follows_sketch(settings, HostRun()))


def _given(host: Host, image: Any) -> Image.Image:
    picture = decode(host, image, "the sketch")
    if picture is None:
        raise ColorizeError("no sketch to show; put one into the sketch box")
    return picture


def size_for_sketch(host: Host, image: Any, settings: JobSettings) -> tuple[int, int]:
    """(width, height) for a host's sliders: the drawing as the loaded checkpoint makes it, without paper around it.

    Both sides are rounded to what a slider can say, which squeezes the drawing by half a step at most; a drawing with
    a side below the slider's least is enlarged. ColorizeError for one too long for that.
    """
    file = colorize_file(host.chosen_path())
    if file is None:
        raise ColorizeError("choose a ColorizeDiffusion checkpoint first; the size follows from it")
    picture = decode(host, image, "the sketch")
    if picture is None:
        raise ColorizeError("no sketch to measure; put one into the sketch box or into img2img")
    picture = open_page(picture, settings.with_(fit_drawing=False)).sketch
    drawing = placement_of(picture.size, file, settings)
    scale = max(drawing.width / picture.width, drawing.height / picture.height, SLIDER_LEAST / min(picture.size))
    width, height = (round(side * scale / SLIDER_STEP) * SLIDER_STEP for side in picture.size)
    if max(width, height) > MAX_SIZE:
        raise ColorizeError(f"the sketch of {picture.width}x{picture.height} pixels is too long for the sliders "
                            f"({SLIDER_LEAST} to {MAX_SIZE}); crop it, or leave Size from the sketch on")
    return width, height

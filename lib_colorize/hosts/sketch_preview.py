"""What a page shows of a sketch before a run: what the model will see, and how large it will be."""

from __future__ import annotations

from typing import Any

from PIL import Image

from ..errors import ColorizeError
from ..method.settings import MAX_SIZE
from ..pictures.framing import Fit, Frame
from ..pictures.images import line_drawing, resizing, to_image
from ..pictures.opened_page import open_page
from ..pictures.preview import shown_sketch
from .checkpoints import colorize_file
from .host import Host
from .settings import JobSettings
from .sizes import placement_of
from .sketches import decode

SLIDER_LEAST, SLIDER_STEP = 64, 8  # of width and height in both WebUIs; the most is MAX_SIZE


def preview_sketch(host: Host, image: Any, settings: JobSettings, size: tuple[int, int] | None = None) -> Image.Image:
    """What the model will see of a sketch, black lines on white.

    size: of a canvas to stretch it to; None = as the loaded checkpoint works (the preview command shows the same), or
    at the sketch's own size where none is loaded that can colour.
    """
    picture = decode(host, image, "the sketch")
    if picture is None:
        raise ColorizeError("no sketch to show; put one into the sketch box")
    file = colorize_file(host.chosen_path())
    if size is None and file is not None and file.card is not None and not file.problem:
        return shown_sketch(picture, settings, file.card.resolution, file.card.multiple)
    picture = open_page(picture, settings.with_(fit_drawing=False)).sketch
    if size is None:
        return to_image(-line_drawing(picture, settings)[0].clamp(-1, 1))
    width, height = (min(max(int(side), 8), MAX_SIZE) for side in size)
    frame = Frame(width, height, Fit.STRETCH)
    lines = frame.place(line_drawing(picture, settings, frame.shown(picture.size)), resizing(settings))
    return to_image(-lines[0].clamp(-1, 1))


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

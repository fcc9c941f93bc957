"""What the sketch encoder is shown of a sketch, as a picture for a person: black lines on white."""

from __future__ import annotations

from PIL import Image

from ..method.settings import Settings
from .canvas import crop_back
from .images import sketch_tensor, to_image
from .opened_page import open_page


def shown_sketch(image: Image.Image, settings: Settings, resolution: int, multiple: int) -> Image.Image:
    """RGB, at the size the model works at (`images.sketch_tensor`), cut to the drawing's place on the canvas.

    Of a sheet in a photo, and of a drawing that is small on its page, that alone (`opened_page`).

    ColorizeError when there is no line to show.
    """
    lines, placement = sketch_tensor(open_page(image, settings).sketch, settings, resolution, multiple)
    return crop_back(to_image(-lines[0].clamp(-1, 1)), placement)

"""What the sketch encoder is shown of a sketch, as a picture for a person: black lines on white."""

from __future__ import annotations

from PIL import Image

from ..method.settings import Settings
from .canvas import crop_back
from .images import sketch_tensor, to_image
from .opened_page import OpenedPage, open_page
from .strips import has_lines, joined, strip_windows


def shown_sketch(
    image: Image.Image, settings: Settings, resolution: int, multiple: int, square: bool = False,
) -> Image.Image:
    """RGB, at the size the model works at (`images.sketch_tensor`), cut to the drawing's place on the canvas.

    Of a sheet in a photo, and of a drawing that is small on its page, that alone (`opened_page`); a strip by its
    windows.
    ColorizeError when there is no line to show.
    """
    return shown_page(open_page(image, settings), settings, resolution, multiple, square)


def shown_page(
    page: OpenedPage, settings: Settings, resolution: int, multiple: int, square: bool = False,
) -> Image.Image:
    """`shown_sketch` of a page that is open already."""
    sketch = page.sketch
    windows = strip_windows(sketch.size, settings)
    if not windows:
        return _one_canvas(sketch, settings, resolution, multiple, square)
    parts = [sketch.crop(box) for box in windows]
    return joined([_one_canvas(part, settings, resolution, multiple, square) if has_lines(part, settings) else None
                   for part in parts], windows, sketch.size)


def _one_canvas(
    sketch: Image.Image, settings: Settings, resolution: int, multiple: int, square: bool = False,
) -> Image.Image:
    lines, placement = sketch_tensor(sketch, settings, resolution, multiple, square)
    return crop_back(to_image(-lines[0].clamp(-1, 1)), placement)

"""A sketch as it is laid over colours: its lines in their own colour on white, at its own size."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageChops, ImageOps

from ..errors import ColorizeError
from ..method.settings import Polarity, Settings
from ..pictures.eight_bits import to_8bit
from ..pictures.flattening import over_paper
from ..pictures.images import line_drawing
from ..pictures.lineart import MIN_CONTRAST
from ..pictures.marks import WORK_SIDE
from ..pictures.opened_page import OpenedPage, open_page
from ..pictures.reading import found_way, is_faint
from .strips import strips

LARGEST = 100_000_000  # px
WHITE = 250  # of 255: paper that is lighter is left as it is
GRAIN = 10  # of 255 below white: less is no line


def page_under(sketch: Image.Image, coloured: Image.Image, settings: Settings) -> OpenedPage:
    """The sketch as it lies under a coloured picture of it: its sheet alone, unless that has the photo's shape."""
    page = open_page(sketch, settings.with_(fit_drawing=False))
    shape = coloured.width / coloured.height

    def off(size: tuple[int, int]) -> float:
        return abs(shape * size[1] / size[0] - 1)

    return page if off(page.size) <= off(sketch.size) else open_page(sketch, settings.with_(fit_drawing=False,
                                                                                            photo=False))


def drawing_on_white(sketch: Image.Image, settings: Settings) -> np.ndarray:
    """[H, W, 3] uint8. Dark lines keep their colour; others (light on dark, extracted, brought up) come out black.

    The paper of a scan becomes white: the most frequent light grey is taken for it, and channels are divided by it.
    ColorizeError for a sketch without lines, and for one of more than LARGEST pixels.
    """
    check_scan_size(sketch.size)
    image = to_8bit(sketch)
    if settings.extractor != "none":
        return _black_lines(sketch, settings)
    way = found_way(image, settings.polarity)
    light = way.polarity is Polarity.LIGHT_ON_DARK
    if is_faint(image, way) or (light and max(sketch.size) <= WORK_SIDE):
        return _black_lines(sketch, settings)
    picture = over_paper(image, way.paper)
    if light:  # at its own size: reading makes it smaller
        channels = ImageOps.invert(picture).split()
        grey = ImageChops.darker(ImageChops.darker(channels[0], channels[1]), channels[2])
        picture = Image.merge("RGB", (grey, grey, grey))
    pixels = np.asarray(_on_white(picture))
    if 255 - int(pixels.min()) < MIN_CONTRAST * 255:
        raise ColorizeError("the sketch has no lines: it is of one colour all over; choose another file")
    return pixels


def _on_white(picture: Image.Image) -> Image.Image:
    """The same with white paper, in a tenth of a second for ten million pixels and without a copy of more bits."""
    counted = np.asarray(picture.histogram()).reshape(3, 256)
    paper = 128 + counted[:, 128:].argmax(1)  # the most frequent light value of each channel
    if paper.min() >= WHITE:
        return picture
    levels = np.clip(np.rint(np.arange(256) * 255 / paper[:, None]), 0, 255).astype(int)
    pixels = np.array(picture.point(levels.ravel().tolist()))
    for rows in strips(pixels):
        pixels[rows][pixels[rows].min(2) >= 255 - GRAIN] = 255
    return Image.fromarray(pixels)


def check_scan_size(size: tuple[int, int]) -> None:
    """(width, height) of a sketch; ColorizeError for more than LARGEST pixels."""
    if size[0] * size[1] > LARGEST:
        raise ColorizeError(f"the sketch has {size[0]}x{size[1]} pixels, expected at most "
                            f"{LARGEST // 1_000_000} million; scan it coarser")


def _black_lines(sketch: Image.Image, settings: Settings) -> np.ndarray:
    lines = line_drawing(sketch, settings)[0].amax(0).clamp(-1, 1).numpy()  # [h, w], +1 on -1
    grey = Image.fromarray(np.rint((1 - lines) * 127.5).astype(np.uint8))
    if grey.size != sketch.size:
        grey = grey.resize(sketch.size, Image.Resampling.BICUBIC)
    return np.asarray(grey.convert("RGB"))

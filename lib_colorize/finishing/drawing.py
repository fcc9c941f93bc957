"""A sketch as it is laid over colours: its lines in their own colour on white, at its own size."""

from __future__ import annotations

import numpy as np
from PIL import Image

from ..errors import ColorizeError
from ..method.settings import Polarity, Settings
from ..pictures.eight_bits import to_8bit
from ..pictures.flattening import over_paper
from ..pictures.images import line_drawing
from ..pictures.lineart import MIN_CONTRAST
from ..pictures.opened_page import OpenedPage, open_page

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
    """[H, W, 3] uint8. Dark lines keep their colour; others (light on dark, extracted) come out black.

    The paper of a scan becomes white: the most frequent light grey is taken for it, and channels are divided by it.
    ColorizeError for a sketch without lines, and for one of more than LARGEST pixels.
    """
    check_scan_size(sketch.size)
    pixels = np.asarray(over_paper(to_8bit(sketch), 255))
    if settings.extractor != "none" or settings.polarity is Polarity.LIGHT_ON_DARK or not _on_light_paper(pixels):
        return _black_lines(sketch, settings)
    paper = _paper(pixels)
    if min(paper) < WHITE:
        scale = [np.clip(np.rint(np.arange(256) * 255 / level), 0, 255).astype(np.uint8) for level in paper]
        pixels = np.dstack([table[pixels[..., channel]] for channel, table in enumerate(scale)])
        pixels[pixels.min(2) >= 255 - GRAIN] = 255
    if 255 - int(pixels.min()) < MIN_CONTRAST * 255:
        raise ColorizeError("the sketch has no lines: it is of one colour all over; choose another file")
    return pixels


def check_scan_size(size: tuple[int, int]) -> None:
    """(width, height) of a sketch; ColorizeError for more than LARGEST pixels."""
    if size[0] * size[1] > LARGEST:
        raise ColorizeError(f"the sketch has {size[0]}x{size[1]} pixels, expected at most "
                            f"{LARGEST // 1_000_000} million; scan it coarser")


def _on_light_paper(pixels: np.ndarray) -> bool:
    return float(np.median(pixels[::4, ::4].mean(2))) >= 128


def _paper(pixels: np.ndarray) -> tuple[int, int, int]:
    """The most frequent light value of each channel."""
    found = (128 + int(np.bincount(pixels[..., c].ravel(), minlength=256)[128:].argmax()) for c in range(3))
    red, green, blue = found
    return red, green, blue


def _black_lines(sketch: Image.Image, settings: Settings) -> np.ndarray:
    lines = line_drawing(sketch, settings)[0].amax(0).clamp(-1, 1).numpy()  # [h, w], +1 on -1
    grey = Image.fromarray(np.rint((1 - lines) * 127.5).astype(np.uint8))
    if grey.size != sketch.size:
        grey = grey.resize(sketch.size, Image.Resampling.BICUBIC)
    return np.asarray(grey.convert("RGB"))

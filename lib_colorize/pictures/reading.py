"""A sketch, read: its lines as the sketch encoder wants them, and in words how they were found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from PIL import Image
from torch import Tensor

from ..errors import ColorizeError
from ..method.reading_settings import LineStrength, SketchReading
from ..method.settings import Polarity, Settings
from .eight_bits import to_8bit
from .emptiness import has_a_drawing
from .extraction import extract_at_scale
from .faint import FEW, FULL, brought_up
from .first_reading import first_flat, first_is_light, has_contrast
from .flattening import as_unit, over_paper
from .lineart import dark_lines, extract, levelled_paper
from .marks import WORK_SIDE, at_working_scale
from .polarity import WayRound, small_copy, way_round

SAMPLE = 1024  # pixels, longer side of the picture that is asked for faint lines
ONE_COLOUR = "the sketch has no lines: it is of one colour all over; choose another file"


@dataclass(frozen=True)
class Reading:
    """lines: [1, 3, h, w], +1 on -1. way: how they were found; None = as the first versions did."""

    lines: Tensor
    way: WayRound | None


def read_sketch(image: Image.Image, settings: Settings, shown: tuple[int, int] | None = None) -> Reading:
    """A sketch's lines, of its shape; ColorizeError when there are none. shown: see `images.line_drawing`."""
    image = to_8bit(image)
    kept = settings.line_strength is LineStrength.AUTO
    small = at_working_scale(image, shown) if kept else shrunk(image)
    if settings.reading is SketchReading.FIRST:
        way, picture = None, as_unit(first_flat(small, settings.polarity))
        if not has_contrast(picture):
            raise ColorizeError(ONE_COLOUR)
        light, dark = first_is_light(picture, settings.polarity), dark_lines(picture, settings.polarity)
    else:
        way = found_way(image, settings.polarity)
        picture, light = as_unit(over_paper(small, way.paper)), way.polarity is Polarity.LIGHT_ON_DARK
        dark = _dark_on_white(1 - picture if light else picture, way)
    if not kept:
        return Reading(extract(dark, settings.extractor)[None], way)
    if way is not None and is_faint(image, way):
        dark = brought_up(dark)
    lines = extract_at_scale(dark, 1 - picture if light else picture, settings.extractor, shown)
    return Reading(lines[None], way)


def found_way(image: Image.Image, asked: Polarity) -> WayRound:
    """How an 8-bit picture is to be read; ColorizeError when there is nothing on it."""
    small = small_copy(image)
    way = way_round(small, asked)
    picture = as_unit(over_paper(small, way.paper))
    if not has_a_drawing(picture):
        if not has_contrast(picture):
            raise ColorizeError(ONE_COLOUR)
        raise ColorizeError("the sketch has no lines: nothing on it but its grain; choose another file")
    return way


def told_of_sketch(image: Image.Image, settings: Settings, before: Iterable[str] = ()) -> str:
    """In one line, for a person, how a sketch is read. ColorizeError when there is nothing on it.

    before: what was done to its page, in words (`opened_page.OpenedPage.told`); `image` is what was left of it.
    """
    if settings.reading is SketchReading.FIRST:
        way = f"{settings.polarity.value}, as the first versions read"
    else:
        way = str(found_way(to_8bit(image), settings.polarity))
    extractor = "" if settings.extractor == "none" else f"lines by {settings.extractor!r}"
    return "; ".join(filter(None, (*before, way, extractor)))


def is_faint(image: Image.Image, way: WayRound) -> bool:
    """Whether hardly a pixel of the file has the ink of a line. Asked of pixels, not of averages: fine hatching is grey
    when it is made smaller, and no faint line."""
    scale = min(1.0, SAMPLE / max(image.size))
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    picture = as_unit(over_paper(image.resize(size, Image.Resampling.NEAREST), way.paper))
    if not has_contrast(picture):
        return False  # lines so few and fine that the sample holds none
    dark = _dark_on_white(1 - picture if way.polarity is Polarity.LIGHT_ON_DARK else picture, way)
    return float((1 - dark.amin(0) >= FULL).float().mean()) < FEW


def shrunk(image: Image.Image) -> Image.Image:
    """A picture at the size that is worked with: averaged down by a whole factor above WORK_SIDE."""
    factor = -(-max(image.size) // WORK_SIDE)
    return image.reduce((min(factor, image.width), min(factor, image.height))) if factor > 1 else image


def _dark_on_white(picture: Tensor, way: WayRound) -> Tensor:
    """[3, h, w] with dark lines -> the same on white paper; with a polarity that was asked for as it is."""
    if not way.told:
        return picture
    if way.clear:  # its paper is white already
        return picture.amin(0, keepdim=True).expand(3, -1, -1)
    return levelled_paper(picture)

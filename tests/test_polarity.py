"""Which way round pictures are read, whatever strays onto them; frames, painted pictures, empty sheets."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from lib_colorize.errors import ColorizeError
from lib_colorize.method.settings import Polarity, Settings
from lib_colorize.pictures.emptiness import has_a_drawing
from lib_colorize.pictures.flattening import BLACK, WHITE, as_unit
from lib_colorize.pictures.grey import local_mean
from lib_colorize.pictures.polarity import WayRound, small_copy, way_round
from lib_colorize.pictures.reading import found_way, is_faint, read_sketch, told_of_sketch

SIZE = (300, 240)
CLEAR = (0, 0, 0, 0)
DARK, LIGHT = Polarity.DARK_ON_LIGHT, Polarity.LIGHT_ON_DARK


def face(image: Image.Image, ink: tuple[int, ...], width: int = 3) -> Image.Image:
    draw = ImageDraw.Draw(image)
    draw.ellipse((60, 30, 240, 210), outline=ink, width=width)
    draw.arc((110, 120, 190, 180), 20, 160, fill=ink, width=width)
    for x in (110, 170):
        draw.ellipse((x, 90, x + 20, 105), outline=ink, width=width)
    return image


def layer(ink: tuple[int, ...]) -> Image.Image:
    return face(Image.new("RGBA", SIZE, CLEAR), ink)


def pixel(image: Image.Image) -> None:
    image.putpixel((20, 20), (60, 60, 60, 255))


def white_dot(image: Image.Image) -> None:
    ImageDraw.Draw(image).ellipse((115, 93, 121, 99), fill=(255, 255, 255, 255))


def signature(image: Image.Image) -> None:
    points = [(250 + 4 * i, 225 + (i * 7 % 5)) for i in range(10)]
    ImageDraw.Draw(image).line(points, fill=(30, 60, 150, 255), width=2)


def cheeks(image: Image.Image) -> None:
    for x in (85, 195):
        ImageDraw.Draw(image).ellipse((x, 125, x + 24, 139), fill=(230, 90, 90, 150))


STRAY: dict[str, Callable[[Image.Image], None]] = {
    f.__name__: f for f in (pixel, white_dot, signature, cheeks)}
INKS = {"black": (0, 0, 0, 255), "faint black": (0, 0, 0, 77), "red": (200, 30, 40, 255), "white": (255, 255, 255, 255),
        "faint white": (255, 255, 255, 77), "yellow": (255, 230, 0, 255)}


@pytest.mark.parametrize("stray", STRAY)
@pytest.mark.parametrize("ink", INKS)
def test_a_stray_mark_on_a_transparent_layer_changes_nothing(ink: str, stray: str) -> None:
    plain, marked = layer(INKS[ink]), layer(INKS[ink])
    STRAY[stray](marked)
    way = way_round(small_copy(marked))
    assert way == way_round(small_copy(plain)) and way.clear and way.told
    assert way.paper == (BLACK if "white" in ink else WHITE)
    assert way.polarity is (LIGHT if "white" in ink else DARK)


@pytest.mark.parametrize("skin", [(240, 210, 190), (40, 30, 60), (255, 255, 255), (120, 160, 80)])
def test_a_sprites_dark_outlines_are_its_lines(skin: tuple[int, int, int]) -> None:
    sprite = Image.new("RGBA", SIZE, CLEAR)
    ImageDraw.Draw(sprite).ellipse((60, 30, 240, 210), fill=(*skin, 255))
    face(sprite, (10, 8, 12, 255))
    assert way_round(small_copy(sprite)) == WayRound(DARK, WHITE, clear=True, transparent=True)


def test_a_sticker_with_a_white_rim_lies_on_white() -> None:
    sticker = Image.new("RGBA", SIZE, CLEAR)
    ImageDraw.Draw(sticker).ellipse((50, 20, 250, 220), fill=(255, 255, 255, 255))
    ImageDraw.Draw(sticker).ellipse((60, 30, 240, 210), fill=(60, 50, 90, 255))
    sprite = face(sticker, (0, 0, 0, 255))
    assert way_round(small_copy(sprite)).paper == WHITE


@pytest.mark.parametrize("frame, paper, ink, want", [
    ("black", "white", (0, 0, 0), DARK), ("white", "black", (255, 255, 255), LIGHT),
    ("black", "white", (40, 60, 200), DARK), ("white", (25, 60, 150), (240, 245, 255), LIGHT)])
@pytest.mark.parametrize("bars", [False, True])
def test_a_frame_is_no_paper(frame: str, paper: str, ink: tuple[int, ...], want: Polarity, bars: bool) -> None:
    picture = face(Image.new("RGB", SIZE, paper), ink)
    framed = Image.new("RGB", (SIZE[0] + (0 if bars else 80), SIZE[1] + 80), frame)
    framed.paste(picture, (0 if bars else 40, 40))
    assert way_round(small_copy(framed)).polarity is want


def test_a_dark_painted_picture_has_dark_outlines() -> None:
    rng = np.random.default_rng(0)
    rough = Image.fromarray(rng.integers(0, 255, (9, 12, 3), dtype=np.uint8)).resize(SIZE, Image.Resampling.BICUBIC)
    dark = Image.fromarray((np.asarray(rough) * 0.45 + 8).astype(np.uint8))
    for x in range(30, 280, 60):  # highlights: light and thin
        ImageDraw.Draw(dark).line((x, 20, x + 15, 220), fill=(235, 225, 200), width=2)
    way = way_round(small_copy(dark))
    assert way.painted and way.polarity is DARK


def sheet(level: float, grain: float, side: int = 700) -> np.ndarray:
    rng = np.random.default_rng(3)
    return level + rng.normal(0, grain, (side, side, 1)).repeat(3, 2)


def as_image(values: np.ndarray) -> Image.Image:
    return Image.fromarray(values.clip(0, 255).round().astype(np.uint8))


@pytest.mark.parametrize("polarity", Polarity)
@pytest.mark.parametrize("grain", [0.0, 1.0, 3.0, 8.0])
def test_an_empty_sheet_has_no_lines_whatever_its_grain(grain: float, polarity: Polarity) -> None:
    empty = sheet(245, grain)
    empty[100:103, 200:203] = 30  # dust
    with pytest.raises(ColorizeError, match="no lines"):
        read_sketch(as_image(empty), Settings(polarity=polarity))


def clumped(size: int, grain: float, seed: int = 0) -> np.ndarray:
    """A sheet of 235 with grain in clumps of about `size` pixels, and a speck of dust."""
    noise = torch.randn(700, 700, generator=torch.Generator().manual_seed(seed))
    noise = local_mean(local_mean(noise, size), size)[..., None].numpy()
    values = 235 + (noise / noise.std() * grain).repeat(3, 2)
    values[100:103, 200:203] = 30
    return values


@pytest.mark.parametrize(
    "size, grain, quality", [(3, 14, 95), (5, 4, 60), (5, 14, 75), (9, 2, 75), (9, 8, 60), (11, 14, 95)])
def test_an_empty_sheet_has_no_lines_where_its_grain_is_in_clumps(size: int, grain: float, quality: int) -> None:
    for seed in range(3):
        file = io.BytesIO()
        as_image(clumped(size, grain, seed)).save(file, "JPEG", quality=quality)
        with pytest.raises(ColorizeError, match="no lines"):
            read_sketch(Image.open(file).convert("RGB"), Settings())


@pytest.mark.parametrize("size, grain, ink", [(3, 4, 40), (5, 4, 40), (5, 8, 60), (9, 14, 100)])
def test_lines_in_clumped_grain_are_lines(size: int, grain: float, ink: float) -> None:
    drawn = clumped(size, grain)
    drawn[100:600, 350:353] -= ink
    assert has_a_drawing(as_unit(small_copy(as_image(drawn))))


@pytest.mark.parametrize("ink, grain", [(235, 0.0), (225, 3.0), (150, 8.0)])
def test_faint_lines_in_grain_are_lines(ink: int, grain: float) -> None:
    drawn = sheet(250, grain)
    drawn[100:600, 350:353] += ink - 250
    assert has_a_drawing(as_unit(small_copy(as_image(drawn))))


def test_what_is_clean_and_dark_on_white_is_read_as_the_first_versions_did() -> None:
    for size in (SIZE, (90, 500)):
        clean = Image.new("RGB", size, "white")
        ImageDraw.Draw(clean).ellipse((10, 20, 80, 200), outline=(0, 0, 0), width=3)
        new, first = (read_sketch(clean, Settings(reading=each)).lines for each in ("auto", "first versions"))
        assert torch.equal(new, first)


def test_how_it_was_read_is_one_line() -> None:
    assert told_of_sketch(layer(INKS["white"]), Settings()) == "light on dark (told by itself), transparency over black"
    asked = Settings(polarity="dark on light", extractor="lineart")
    assert told_of_sketch(layer(INKS["black"]), asked, ["a sheet found"]) == (
        "a sheet found; dark on light (as asked), transparency over white; lines by 'lineart'")
    assert "first versions" in told_of_sketch(layer(INKS["black"]), Settings(reading="first versions"))


def test_a_large_drawing_of_lines_so_fine_that_a_sample_misses_them_is_not_faint() -> None:
    pixels = np.full((300, 4400, 3), 255, np.uint8)
    pixels[::60, 100:4300] = 0  # every sampled row lies between two of them
    image = Image.fromarray(pixels)
    assert not is_faint(image, found_way(image, Polarity.AUTO))

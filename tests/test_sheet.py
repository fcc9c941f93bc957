"""Sheets of paper in photos: found on every desk, straightened, in even light; never found where there is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from lib_colorize.method.settings import Settings
from lib_colorize.pictures.opened_page import open_page
from lib_colorize.pictures.sheet import in_even_light, sheet_of
from tools.reading_check.desks import ANGLES, BEYOND, DESKS, LIGHTS, SIZE, photo

SKETCHES = Path(__file__).parents[1] / "examples" / "sketches"


def drawing() -> Image.Image:
    return Image.open(SKETCHES / "woman.png").convert("L")


@pytest.mark.parametrize("desk", DESKS)
@pytest.mark.parametrize("angle", [angle for angle in ANGLES if angle != "aslant"])
def test_the_corners_of_a_sheet_are_found_within_three_pixels(desk: str, angle: str) -> None:
    light = LIGHTS[DESKS.index(desk)]
    found = sheet_of(photo(drawing(), desk, light, angle))
    assert found is not None
    expected = [(x * SIZE[0], y * SIZE[1]) for x, y in ANGLES[angle]]
    middle = np.mean(expected, 0)
    expected = middle + (np.array(expected) - middle) * 0.992  # the rim is left out
    assert np.abs(np.array(found.corners) - expected).max() < 4


def covered(corners: object) -> np.ndarray:
    """The pixels of the photo within these corners, which may lie outside of it."""
    field = Image.new("L", SIZE)
    ImageDraw.Draw(field).polygon([(float(x), float(y)) for x, y in np.array(corners)], fill=255)
    return np.asarray(field) > 0


@pytest.mark.parametrize("desk, light", [("dark", "lamp"), ("wood", "shadow"), ("light", "even")])
@pytest.mark.parametrize("angle", BEYOND)
def test_a_sheet_that_the_photo_does_not_hold_is_found_as_far_as_it_is_seen(desk: str, light: str, angle: str) -> None:
    found = sheet_of(photo(drawing(), desk, light, angle))
    assert found is not None
    got, wanted = covered(found.corners), covered([(x * SIZE[0], y * SIZE[1]) for x, y in BEYOND[angle]])
    assert (got & wanted).sum() > 0.97 * (got | wanted).sum()


def test_what_of_a_sheet_lies_beyond_the_photo_is_paper_and_no_figure() -> None:
    shot = photo(drawing(), "dark", "even", "beyond, turned")
    sheet = sheet_of(shot)
    assert sheet is not None
    beyond = np.asarray(sheet.straightened(Image.new("L", shot.size, 255))) < 128
    assert beyond.mean() > 0.05
    flat = np.asarray(in_even_light(sheet.straightened(shot)).convert("L"))
    assert flat[beyond].min() == 255
    rim = np.asarray(Image.fromarray(beyond).convert("L").filter(ImageFilter.MaxFilter(9))) > 0
    assert (flat[rim] > 200).mean() > 0.97  # the photo's border becomes no line, but for what is drawn across it


@pytest.mark.parametrize("side", ["left", "above"])
def test_one_straight_edge_alone_is_no_sheet(side: str) -> None:
    """A horizon, a wall: with one side nothing tells paper from a bright half of the picture."""
    corners = {"left": ((0.2, -0.15), (1.2, -0.12), (1.3, 1.2), (0.15, 1.2)),
               "above": ((-0.2, 0.3), (1.2, 0.25), (1.2, 1.2), (-0.2, 1.2))}
    w, h = SIZE
    rng = np.random.default_rng(3)
    field = Image.new("L", (w, h))
    ImageDraw.Draw(field).polygon([(x * w, y * h) for x, y in corners[side]], fill=255)
    lit = 50 + 180 * (np.asarray(field)[..., None] / 255) + rng.normal(0, 2.5, (h, w, 3))
    assert sheet_of(Image.fromarray(np.uint8(np.clip(lit, 0, 255)))) is None


def test_a_straightened_sheet_is_white_where_nothing_is_drawn_in_any_light() -> None:
    for light in ("lamp", "shadow"):
        shot = photo(drawing(), "wood", light, "turned")
        sheet = sheet_of(shot)
        assert sheet is not None
        got = np.asarray(in_even_light(sheet.straightened(shot)).resize((128, 128), Image.Resampling.BOX)) / 255
        wanted = np.asarray(drawing().resize((128, 128), Image.Resampling.BOX)) / 255
        paper, ink = wanted > 0.999, wanted < 0.05
        assert np.quantile(got.min(-1)[paper], 0.02) > 0.9 and np.median(got.max(-1)[ink]) < 0.5


@pytest.mark.parametrize("name", sorted(path.stem for path in SKETCHES.glob("*.png")))
def test_no_sheet_is_found_in_clean_line_art_and_the_very_picture_comes_back(name: str) -> None:
    image = Image.open(SKETCHES / f"{name}.png")
    image = image if image.mode == "RGBA" else image.convert("RGB")
    assert open_page(image, Settings(fit_drawing=False)).sketch is image


def framed(ground: tuple[int, int, int], noise: float) -> Image.Image:
    """A comic panel: a black frame on paper, with a circle in it."""
    image = Image.new("RGB", (600, 480), ground)
    pen = ImageDraw.Draw(image)
    pen.rectangle((70, 60, 530, 420), outline=(0, 0, 0), width=9)
    pen.ellipse((200, 140, 400, 340), outline=(0, 0, 0), width=5)
    grain = np.random.default_rng(1).normal(0, noise, (480, 600, 3)) if noise else 0
    return Image.fromarray(np.uint8(np.clip(np.asarray(image) + grain, 0, 255)))


@pytest.mark.parametrize("noise", [0.0, 3.0])
def test_a_drawn_frame_is_no_sheet(noise: float) -> None:
    assert sheet_of(framed((240, 240, 240), noise)) is None


def turned_sheet(paper: int) -> Image.Image:
    """A sheet without any grain, turned by 8 degrees on a desk of one colour, as a strong compression leaves it."""
    desk = (70, 50, 40)
    page = drawing().resize((450, 450)).point([round(value * paper / 255) for value in range(256)])
    page = Image.merge("RGB", [page] * 3).rotate(8, expand=True, fillcolor=desk)
    image = Image.new("RGB", (800, 600), desk)
    image.paste(page, (120, 40))
    return image


def test_a_sheet_without_grain_is_found_where_it_lies_aslant() -> None:
    found = sheet_of(turned_sheet(238))
    assert found is not None
    turned = [np.array((x, y)) @ ((np.cos(a), -np.sin(a)), (np.sin(a), np.cos(a)))
              for a in [np.deg2rad(8)] for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    bounds = 450 * (np.cos(np.deg2rad(8)) + np.sin(np.deg2rad(8)))  # of the turned page
    expected = np.array((120, 40)) + bounds / 2 + np.array(turned) * 225 * 0.992
    assert np.abs(np.array(found.corners) - expected).max() < 4


def test_white_of_one_tone_is_digital_art_however_it_lies() -> None:
    assert sheet_of(turned_sheet(255)) is None


def test_a_drawn_rectangle_of_one_colour_is_no_sheet() -> None:
    image = Image.new("RGB", (500, 400), (40, 60, 90))
    ImageDraw.Draw(image).rectangle((80, 70, 420, 330), fill=(250, 250, 250))
    assert sheet_of(image) is None


def test_a_photo_of_a_drawing_that_fills_the_picture_stays_as_it_is() -> None:
    h, w = 480, 640
    y, x = np.mgrid[:h, :w]
    lit = np.asarray(drawing().resize((w, h)))[..., None] * (0.9 - 0.3 * x / w - 0.2 * y / h)[..., None]
    lit = lit * (1, 0.95, 0.8) + np.random.default_rng(2).normal(0, 3, (h, w, 3))
    assert sheet_of(Image.fromarray(np.uint8(np.clip(lit, 0, 255)))) is None


def test_a_mask_follows_its_sketch_off_the_desk() -> None:
    shot = photo(drawing(), "dark", "even", "aslant")
    page = open_page(shot, Settings(fit_drawing=False))
    assert page.sheet is not None and page.told
    lines = np.asarray(page.sketch.convert("L")) < 128
    mask = Image.fromarray(np.uint8(np.asarray(shot.convert("L")) < 128) * 255)  # lines, and the desk
    followed = np.asarray(page.follow(mask, "the mask")) > 127
    assert (followed == lines).mean() > 0.98

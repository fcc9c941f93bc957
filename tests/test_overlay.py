"""The sketch's lines over a result."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lib_colorize.method.settings import Polarity, Settings
from lib_colorize.pictures.overlay import overlay_lines


def drawing(size: tuple[int, int] = (300, 200), ink: str = "black", paper: str = "white") -> Image.Image:
    sketch = Image.new("RGB", size, paper)
    ImageDraw.Draw(sketch).rectangle((40, 50, 200, 150), outline=ink, width=3)
    return sketch


def test_lines_are_crisp_at_the_sketchs_own_size_and_colours_stay() -> None:
    result = Image.new("RGB", (96, 64), (200, 100, 50))
    picture = np.asarray(overlay_lines(result, drawing(), Settings(line_overlay=1.0)))
    lines = np.asarray(drawing().convert("L")) == 0
    assert picture.shape == (200, 300, 3)
    assert (picture[lines] == 0).all() and (picture[~lines] == (200, 100, 50)).all()


def test_light_lines_on_dark_paper_are_drawn_dark() -> None:
    result = Image.new("RGB", (96, 64), (200, 100, 50))
    inverse = drawing(ink="white", paper="black")
    for polarity in (Polarity.AUTO, Polarity.LIGHT_ON_DARK):
        picture = overlay_lines(result, inverse, Settings(line_overlay=1.0, polarity=polarity))
        expected = overlay_lines(result, drawing(), Settings(line_overlay=1.0))
        assert np.array_equal(np.asarray(picture), np.asarray(expected))


def test_half_an_overlay_darkens_lines_by_half() -> None:
    result = Image.new("RGB", (300, 200), (200, 100, 50))
    picture = overlay_lines(result, drawing(), Settings(line_overlay=0.5))
    assert picture.getpixel((100, 51)) == (100, 50, 25)


def test_a_wanted_size_is_kept_and_lines_lie_where_the_result_has_them() -> None:
    result = Image.new("RGB", (128, 128), "white")
    picture = overlay_lines(result, drawing(), Settings(line_overlay=1.0, width=128, height=128))
    dark = np.argwhere(np.asarray(picture.convert("L")) < 100)
    assert picture.size == (128, 128)
    top, left = dark.min(axis=0)
    r = 128 / 300
    assert (left, top) == pytest.approx((40 * r, (128 - int(200 * r)) // 2 + 50 * r), abs=2)


def test_no_overlay_returns_the_result_itself() -> None:
    result = Image.new("RGB", (8, 8))
    assert overlay_lines(result, drawing(), Settings()) is result

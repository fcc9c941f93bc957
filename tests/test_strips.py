"""Strips: windows that overlap and cover all, joined without a seam, worked on one by one."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lib_colorize.engine.strip import paint_windows
from lib_colorize.errors import ColorizeError
from lib_colorize.hosts.host_run import HostRun
from lib_colorize.hosts.pages import pages_of
from lib_colorize.hosts.settings import JobSettings
from lib_colorize.method.settings import Settings
from lib_colorize.pictures.extras import Extras
from lib_colorize.pictures.preview import shown_sketch
from lib_colorize.pictures.strips import has_lines, joined, strip_windows


@pytest.mark.parametrize("size", [(800, 16000), (16000, 800), (100, 601), (37, 611)])
def test_windows_cover_a_strip_and_each_shares_a_quarter_with_the_next(size: tuple[int, int]) -> None:
    windows = strip_windows(size, Settings())
    along = 0 if size[0] > size[1] else 1
    assert windows[0][:2] == (0, 0) and windows[-1][2:] == size
    for one, other in itertools.pairwise(windows):
        length = one[along + 2] - one[along]
        assert one[along] < other[along] and one[along + 2] - other[along] >= 0.24 * length
        assert length <= 1.6 * min(size)


def test_an_ordinary_page_has_no_windows_and_neither_has_one_of_a_size_that_is_asked_for() -> None:
    assert strip_windows((800, 4000), Settings()) == ()
    assert strip_windows((800, 16000), Settings(width=64, height=1024)) == ()
    assert strip_windows((800, 16000), Settings(fit_drawing=False)) == ()


@pytest.mark.parametrize("size", [(60, 900), (900, 60)])
def test_windows_of_one_picture_are_that_picture_again(size: tuple[int, int]) -> None:
    ramp = np.linspace(0, 255, max(size))
    values = np.tile(ramp, (min(size), 1)) if size[0] > size[1] else np.tile(ramp[:, None], (1, min(size)))
    whole = Image.fromarray(np.repeat(values.astype(np.uint8)[..., None], 3, -1))
    windows = strip_windows(size, Settings())
    again = joined([whole.crop(box) for box in windows], windows, size)
    assert again.size == size and np.abs(np.asarray(again, int) - np.asarray(whole, int)).max() <= 1


def test_two_windows_pass_into_each_other_and_an_empty_one_is_paper() -> None:
    windows = strip_windows((60, 900), Settings())
    colours = [(200 - 20 * i, 40, 40) for i in range(len(windows))]
    parts = [Image.new("RGB", (60, box[3] - box[1]), colour) for box, colour in zip(windows, colours)]
    column = np.asarray(joined(parts, windows, (60, 900)), int)[:, 30, 0]
    assert (np.diff(column) <= 0).all() and np.abs(np.diff(column)).max() <= 3
    alone = joined([parts[0], *[None] * (len(parts) - 1)], windows, (60, 900))
    assert alone.getpixel((30, 899)) == (255, 255, 255) and alone.getpixel((30, 2)) == colours[0]
    with pytest.raises(ColorizeError, match="no lines in any part"):
        joined([None] * len(parts), windows, (60, 900))


def strip() -> Image.Image:
    image = Image.new("RGB", (100, 1200), "white")
    pen = ImageDraw.Draw(image)
    for top in (30, 900):
        pen.ellipse((20, top, 80, top + 80), outline="black", width=4)
    return image


def test_each_window_is_painted_with_its_part_of_the_masks_and_gaps_are_passed_over() -> None:
    sketch, windows = strip(), strip_windows((100, 1200), Settings())
    seen: list[tuple[Image.Image, Image.Image | None]] = []
    steps: list[tuple[int, int]] = []

    def paint(drawing: Image.Image, its: Extras, report: object) -> str:
        seen.append((drawing, its.sketch_mask))
        report(4, 4)
        return "painted"

    made = paint_windows(paint, sketch, Extras(sketch_mask=sketch.convert("L")), windows, Settings(),
                         lambda done, of: steps.append((done, of)))
    drawn = [has_lines(sketch.crop(box), Settings()) for box in windows]
    assert [each is not None for each in made] == drawn and True in drawn and False in drawn
    assert all(np.array_equal(mask, drawing.convert("L")) for drawing, mask in seen)
    assert steps[-1][1] == 4 * len(windows) and steps == sorted(steps)


def test_the_preview_of_a_strip_has_its_shape_and_lines_as_thick_as_on_a_page() -> None:
    shown = shown_sketch(strip(), Settings(), 128, 16)
    assert shown.height / shown.width == pytest.approx(12, rel=0.05) and shown.width >= 96


def test_a_host_refuses_a_strip_in_one_sentence_where_the_canvas_would_follow_it() -> None:
    follows = JobSettings(size_from_sketch=True)
    with pytest.raises(ColorizeError, match="100x1200 pixels is a strip.*cut it into pages"):
        pages_of([strip()], follows, HostRun())
    assert pages_of([strip()], JobSettings(), HostRun())[0].sketch.size == (100, 1200)

"""What a page's canvas gets of a finished picture: the area of each pixel, its layers, what a hint takes along."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lib_colorize.finishing.area_map import alike_groups, area_map
from lib_colorize.finishing.divided import finish
from lib_colorize.finishing.hints import hint_colours


def rooms(size=(288, 192), gap=0):
    """Two rooms with a wall between; gap: px of a hole in it."""
    drawing = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(drawing)
    width, height = size
    pen.rectangle((2, 2, width - 3, height - 3), outline="black", width=2)
    pen.line((width // 2, 2, width // 2, (height - gap) // 2), "black", 2)
    pen.line((width // 2, (height + gap) // 2, width // 2, height - 3), "black", 2)
    return np.asarray(drawing)


def painted(size=(288, 192), left="#c03020", right="#2040c0"):
    picture = Image.new("RGB", size, right)
    picture.paste(left, (0, 0, size[0] // 2, size[1]))
    return picture


def labels_of(found):
    return np.repeat(found.runs[:, 0], found.runs[:, 1]).reshape(found.below.size[::-1])


@pytest.mark.parametrize("side", [4096, 288, 144, 100])
def test_every_pixel_of_the_view_has_the_area_that_lies_there_at_full_size(side):
    drawing = rooms()
    finished = finish(drawing, painted())
    found = area_map(drawing, finished, side)
    assert max(found.below.size) == min(side, 288) and found.lines.mode == "RGBA"
    assert found.below.size == found.lines.size == found.drawing.size
    labels = labels_of(found)
    for y in range(0, labels.shape[0], 5):
        for x in range(0, labels.shape[1], 5):
            full = finished.labels[int((y + 0.5) * 192 / labels.shape[0]), int((x + 0.5) * 288 / labels.shape[1])]
            assert labels[y, x] == full


def test_below_and_lines_laid_together_are_the_picture():
    drawing = rooms()
    finished = finish(drawing, painted())
    found = area_map(drawing, finished, 288)
    laid = found.below.convert("RGBA")
    laid.alpha_composite(found.lines)
    apart = np.abs(np.asarray(laid.convert("RGB")).astype(int) - np.asarray(finished.picture()))
    assert apart.max() <= 1


def test_a_group_is_what_a_hint_in_one_of_its_areas_colours():
    """Rooms that a ball of the gap's width parts, with one colour in both: a hint goes through the hole."""
    for right in ("#c03020", "#2040c0"):
        drawing = rooms((300, 200), gap=6)
        finished = finish(drawing, painted((300, 200), right=right), 0.03)
        groups = alike_groups(finished)
        left_room, right_room = finished.labels[100, 60], finished.labels[100, 240]
        assert left_room != right_room
        hints = Image.new("RGBA", (300, 200))
        ImageDraw.Draw(hints).ellipse((50, 90, 70, 110), "#20a020")
        _, given = hint_colours(hints, drawing, finished)
        taken = set(given)
        assert taken == {area for area in range(1, len(groups)) if groups[area] == groups[left_room]}
        assert (right_room in taken) is (right == "#c03020")

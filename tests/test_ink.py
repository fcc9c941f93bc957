"""Lines keep their ink when a sketch is made smaller: drawn here at any width, angle, grey and size, and measured."""

from __future__ import annotations

import io
import itertools
import math

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from lib_colorize.method.settings import Settings
from lib_colorize.pictures.canvas import resize_lines
from lib_colorize.pictures.images import line_drawing, sketch_tensor
from lib_colorize.pictures.ink import shrunk_lines, shrunk_picture
from lib_colorize.pictures.marks import WORK_SIDE, at_working_scale, whole_factor

ANGLES = tuple(math.pi * k / 9 + 0.05 for k in range(9))
SQUARE = Settings(width=128, height=128)


def stroke(side: int, angle: float, width: int, colour: object = (0, 0, 0), ground: object = (255, 255, 255),
           mode: str = "RGB") -> tuple[Image.Image, np.ndarray]:
    """A straight line through the middle, and points on its centre line, (x, y) in parts of the side."""
    image = Image.new(mode, (side, side), ground)
    ends = [(0.5 + s * 0.4 * math.cos(angle), 0.5 + s * 0.4 * math.sin(angle)) for s in (-1, 1)]
    ImageDraw.Draw(image).line([(x * side, y * side) for x, y in ends], colour, width)
    along = np.linspace(0.05, 0.95, 200)[:, None]
    return image, (1 - along) * np.array(ends[0]) + along * np.array(ends[1])


def ink_along(lines: torch.Tensor, points: np.ndarray) -> float:
    """lines: [1, 3, H, W], +1 on -1 -> the median ink of the pixels that the points lie in."""
    height, width = lines.shape[-2:]
    x, y = (points * (width, height)).astype(int).T
    return float(((lines[0, 0, y, x] + 1) / 2).median())


@pytest.mark.parametrize("side", [300, 1100, 4000])
@pytest.mark.parametrize("width", [2, 6])
@pytest.mark.parametrize("grey", [0, 150])
def test_a_thin_line_has_the_ink_of_a_drawn_line_at_any_size_and_angle(side: int, width: int, grey: int) -> None:
    for angle in ANGLES[::4]:
        image, points = stroke(side, angle, width, (grey,) * 3)
        lines, _ = sketch_tensor(image, SQUARE, 128, 64)
        assert ink_along(lines, points) >= 0.8
        assert float((lines > 0).float().mean()) < 0.04  # and is no broad one: 0.8 of the side long, below 6 px wide


@pytest.mark.parametrize("grey", [0, 128])
def test_jpeg_makes_no_holes_in_a_broad_stroke_and_no_dots_beside_it(grey: int) -> None:
    image = Image.new("RGB", (2400, 2400), "white")
    ImageDraw.Draw(image).ellipse((500, 500, 1900, 1900), outline=(grey,) * 3, width=52)
    file = io.BytesIO()
    image.resize((600, 600), Image.Resampling.LANCZOS).save(file, "JPEG", quality=75)
    lines, _ = sketch_tensor(Image.open(file).convert("RGB"), SQUARE, 128, 64)
    y, x = torch.meshgrid(torch.arange(128) - 63.5, torch.arange(128) - 63.5, indexing="ij")
    away = (torch.hypot(x, y) - (700 - 26) * 128 / 2400).abs()  # of the middle of a ring that is 2.8 pixels broad
    ink = (lines[0, 0] + 1) / 2
    assert float(ink[away < 0.7].min()) > 0.8 and float(ink[away > 2.2].max()) < 0.2


def test_as_drawn_most_of_that_ink_is_lost() -> None:
    image, points = stroke(1100, 0.4, 3)
    lines, _ = sketch_tensor(image, SQUARE.with_(line_strength="as drawn"), 128, 64)
    assert ink_along(lines, points) < 0.5
    whole = 1 - torch.from_numpy(np.array(image)).permute(2, 0, 1).float()[None] / 127.5
    assert torch.allclose(lines, resize_lines(whole, 128, 128), atol=1e-5)


@pytest.mark.parametrize(("colour", "ground"), [
    ((200, 30, 30), (255, 255, 255)), ((255, 255, 255), (20, 20, 40)), ((0, 0, 0, 255), (0, 0, 0, 0)),
    ((255, 255, 255, 255), (0, 0, 0, 0)), ((0, 0, 0, 90), (255, 255, 255, 0))])
def test_lines_of_any_colour_and_of_a_layer_keep_it(colour: tuple[int, ...], ground: tuple[int, ...]) -> None:
    image, points = stroke(2000, 0.7, 3, colour, ground, "RGB" if len(colour) == 3 else "RGBA")
    assert ink_along(sketch_tensor(image, SQUARE, 128, 64)[0], points) >= (0.8 if colour[-1] != 90 else 0.3)


@pytest.mark.parametrize("apart", [2.5, 3.0, 4.0])
def test_close_lines_stay_apart(apart: float) -> None:
    """apart: pixels of the small picture between the middles of two lines."""
    side, small = 2048, 128
    for shift in (0.0, 0.25, 0.5, 0.75):
        image = Image.new("RGB", (side, side), "white")
        middles = [(64 + shift + apart * k) * side / small for k in range(3)]
        for x in middles:
            ImageDraw.Draw(image).line((x, 200, x, 1800), "black", 3)
        row = (sketch_tensor(image, SQUARE, 128, 64)[0][0, 0, 64] + 1) / 2
        between = [row[int((a + b) / 2 * small / side)] for a, b in itertools.pairwise(middles)]
        assert max(map(float, between)) < 0.55
        assert min(float(row[int(x * small / side)]) for x in middles) > 0.6


def test_hatching_and_dots_too_fine_for_the_pixels_stay_tone() -> None:
    y, x = np.mgrid[:1536, :1536]
    for dark in ((x + y) % 9 < 3, (x % 10 < 5) & (y % 10 < 5)):
        tone = 1.0 * dark.mean()
        drawing = np.where(dark & (np.hypot(x - 768, y - 768) < 500), 0, 255).astype(np.uint8)
        lines, _ = sketch_tensor(Image.fromarray(drawing).convert("RGB"), SQUARE, 128, 64)
        inside = (lines[0, 0, 50:78, 50:78] + 1) / 2
        assert abs(float(inside.mean()) - tone) < 0.1 and float(inside.max()) < tone + 0.25


def test_a_sketch_of_the_models_size_is_unchanged_bit_for_bit_and_a_smaller_one_too() -> None:
    image = stroke(128, 0.4, 2)[0].resize((128, 128))
    for side in (128, 100):
        seen = [sketch_tensor(image.resize((side, side)), SQUARE.with_(line_strength=each), 128, 64)[0]
                for each in ("auto", "as drawn")]
        assert torch.equal(*seen)


def test_bold_line_art_is_hardly_touched() -> None:
    image = Image.new("RGB", (600, 600), "white")
    ImageDraw.Draw(image).ellipse((80, 60, 500, 520), outline="black", width=14)
    auto, plain = (sketch_tensor(image, SQUARE.with_(line_strength=each), 128, 64)[0] for each in ("auto", "as drawn"))
    assert float((auto - plain).abs().mean()) < 2e-3


def test_a_light_gap_between_dark_shapes_stays_open() -> None:
    image = Image.new("RGB", (1500, 1500), "black")
    ImageDraw.Draw(image).line((750, 0, 750, 1500), "white", 4)
    picture = torch.from_numpy(np.array(image)).permute(2, 0, 1).float()[None] / 255
    assert float(shrunk_picture(picture, 100, 100)[0, 0, 50].max()) > 0.8 > 4 * float(resize_lines(picture, 100, 100)[
        0, 0, 50].max()) - 0.5


def test_shrinking_stays_within_the_inks_that_are_there() -> None:
    rng = np.random.default_rng(0)
    for h, w, height, width in rng.integers(9, 140, (40, 4)):
        picture = torch.from_numpy(rng.uniform(0.2, 0.9, (1, 1, h, w))).float()
        small = shrunk_picture(picture, int(height), int(width))
        assert small.shape[-2:] == (height, width) and float(small.min()) >= 0 and float(small.max()) <= 1
        assert torch.isfinite(shrunk_lines(picture.expand(1, 3, h, w) * 2 - 1, int(height), int(width))).all()


# The whole factor before anything else

@pytest.mark.parametrize(("size", "shown", "factor"), [
    ((4000, 3000), (148, 111), 13), ((4000, 3000), (591, 443), 3), ((500, 400), (148, 111), 1),
    ((4000, 3000), None, 1), ((12000, 9000), None, 3), ((9921, 14031), (108, 152), 45), ((16000, 10), None, 4)])
def test_the_factor_leaves_twice_what_is_shown_and_not_more_than_is_worked_on(size, shown, factor) -> None:
    assert whole_factor(size, shown) == factor
    assert max(size) / factor <= WORK_SIDE


def test_a_picture_that_is_small_enough_is_the_very_same() -> None:
    image = stroke(500, 0.3, 3)[0]
    assert at_working_scale(image, (200, 200)) is image and at_working_scale(image) is image


def test_bands_leave_no_seams() -> None:
    rng = np.random.default_rng(1)
    image = Image.fromarray(rng.integers(0, 255, (1600, 90, 3)).astype(np.uint8))
    whole = np.asarray(at_working_scale(image, (15, 266)))
    part = np.asarray(at_working_scale(image.crop((0, 600, 90, 999)), (15, 66)))
    assert whole.shape == (534, 30, 3) and part.shape == (133, 30, 3)
    assert np.array_equal(whole[210:320], part[10:120])  # row 256 is the first of the second band


def test_the_lines_for_the_overlay_have_the_sketchs_own_size_and_are_its_own() -> None:
    image = stroke(1500, 0.6, 3)[0]
    lines = line_drawing(image, Settings())
    own = 1 - torch.from_numpy(np.array(image)).permute(2, 0, 1).float()[None] / 127.5
    assert torch.equal(lines > 0, own > 0) and lines.shape[-2:] == (1500, 1500)

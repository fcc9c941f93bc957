"""Sketches on a host's canvas: lines end up where the host's own picture has them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from lib_colorize.pictures.framing import Fit, Frame


def drawing(width: int, height: int, box: tuple[int, int, int, int]) -> torch.Tensor:
    """Paper (-1) with one filled box (+1), [1, 3, h, w]."""
    lines = torch.full((1, 3, height, width), -1.0)
    left, top, right, bottom = box
    lines[..., top:bottom, left:right] = 1.0
    return lines


def inked(canvas: torch.Tensor) -> tuple[int, int, int, int]:
    """The box of what is more ink than paper."""
    rows, columns = np.where(canvas[0, 0].numpy() > 0)
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


@pytest.mark.parametrize("fit, expected", [
    (Fit.STRETCH, (32, 16, 64, 48)),  # 100x200 -> 128x64: x 1.28, y 0.32
    (Fit.LATENT, (32, 16, 64, 48)),
    (Fit.FILL, (56, 16, 64, 48)),  # to 32x64, 48 px of paper left and right
    (Fit.CROP, (32, 0, 64, 64)),  # to 128x256, 96 px off above and below: 64 - 96 .. 192 - 96
])
def test_each_resize_mode_puts_lines_where_arithmetic_says(fit, expected):
    canvas = Frame(128, 64, fit).place(drawing(100, 200, (25, 50, 50, 150)))
    assert canvas.shape == (1, 3, 64, 128)
    assert np.abs(np.subtract(inked(canvas), expected)).max() <= 1


@pytest.mark.parametrize("fit", [Fit.STRETCH, Fit.FILL, Fit.CROP])
def test_a_sketch_of_the_canvas_size_is_not_touched(fit):
    lines = drawing(64, 48, (3, 5, 20, 30))
    assert torch.equal(Frame(64, 48, fit).place(lines), lines)


def test_a_region_is_cropped_like_the_picture_and_enlarged():
    lines = drawing(200, 100, (40, 40, 60, 60))
    canvas = Frame(64, 64, Fit.STRETCH, region=(40, 30, 80, 70), of=(200, 100)).place(lines)
    assert np.abs(np.subtract(inked(canvas), (0, 16, 32, 48))).max() <= 1


def test_a_region_is_scaled_to_a_sketch_of_another_size():
    small = Frame(64, 64, Fit.STRETCH, region=(40, 30, 80, 70), of=(200, 100)).place(drawing(100, 50, (20, 20, 30, 30)))
    assert np.abs(np.subtract(inked(small), (0, 16, 32, 48))).max() <= 2


def test_a_region_that_hangs_over_the_sketch_shows_paper_there():
    canvas = Frame(40, 40, Fit.STRETCH, region=(-10, -10, 30, 30), of=(100, 100)).place(torch.ones(1, 3, 100, 100))
    assert bool((canvas[..., :9, :] < -0.9).all()) and bool((canvas[..., 11:, 11:] > 0.9).all())


def test_a_cut_is_a_part_of_the_whole_canvas():
    lines = drawing(64, 64, (10, 20, 30, 40))
    whole = Frame(128, 128, Fit.FILL).place(lines)
    assert torch.equal(Frame(128, 128, Fit.FILL, cut=(0, 16, 128, 112)).place(lines), whole[..., 16:112, :])


@pytest.mark.parametrize("size", [(100, 60), (60, 100), (97, 53)])
@pytest.mark.parametrize("canvas", [(64, 64), (128, 64)])
def test_filling_and_cropping_agree_with_a_picture_resized_by_pillow(size, canvas):
    """The hosts paste a picture of round(w r) x round(h r) in the middle; so must the lines lie."""
    (w, h), (width, height) = size, canvas
    picture = Image.new("L", size, 0)
    picture.paste(255, (w // 4, h // 4, w // 2, h // 2))
    lines = drawing(w, h, (w // 4, h // 4, w // 2, h // 2))
    for fit, r in ((Fit.FILL, min(width / w, height / h)), (Fit.CROP, max(width / w, height / h))):
        resized = picture.resize((round(w * r), round(h * r)), Image.Resampling.LANCZOS)
        host = Image.new("L", canvas, 0)
        host.paste(resized, ((width - resized.width) // 2, (height - resized.height) // 2))
        mine = inked(Frame(width, height, fit).place(lines))
        theirs = Image.fromarray((np.asarray(host) > 127).astype(np.uint8)).getbbox()
        assert np.abs(np.subtract(mine, theirs)).max() <= 1

"""A mask lies on the canvas where its sketch lies, whichever way the canvas was made."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from lib_colorize.method.settings import Settings
from lib_colorize.pictures.canvas import sketch_layout
from lib_colorize.pictures.framing import Fit, Frame
from lib_colorize.pictures.images import sketch_tensor
from lib_colorize.pictures.mask_canvas import lay_mask


def square(size: tuple[int, int], box: tuple[int, int, int, int], ink: int, paper: int) -> Image.Image:
    picture = Image.new("L", size, paper)
    ImageDraw.Draw(picture).rectangle(box, fill=ink)
    return picture


def inked(canvas: torch.Tensor) -> tuple[int, int, int, int]:
    rows, columns = (canvas[0, 0] > 0.5).nonzero(as_tuple=True)
    return int(columns.min()), int(rows.min()), int(columns.max()), int(rows.max())


@pytest.mark.parametrize("size, box, settings", [
    ((200, 100), (20, 30, 79, 69), Settings()),
    ((100, 300), (20, 30, 79, 69), Settings()),
    ((300, 100), (20, 30, 79, 69), Settings(width=100, height=100)),  # letterboxed, on a canvas of 128
    ((9000, 3000), (900, 900, 4499, 1799), Settings()),  # beyond the size that is worked with
], ids=["wide", "tall", "letterboxed", "huge"])
def test_a_mask_covers_just_what_the_sketch_covers(size, box, settings):
    sketch = square(size, box, 0, 255).convert("RGB")
    mask = square(size, box, 255, 0)
    lines, placement = sketch_tensor(sketch, settings, 128, 64)
    layout = sketch_layout(size, settings, 128, 64)
    laid = lay_mask(mask, layout.place)
    assert laid.shape == (1, 1, *lines.shape[-2:]) and layout.placement == placement
    assert inked(laid) == inked((lines + 1) / 2)
    assert float(laid.min()) >= 0 and float(laid.max()) <= 1


@pytest.mark.parametrize("frame", [
    Frame(96, 64), Frame(96, 64, Fit.CROP), Frame(96, 64, Fit.FILL), Frame(96, 64, cut=(0, 8, 96, 56)),
    Frame(64, 64, region=(50, 0, 150, 100), of=(200, 100)),
], ids=["stretch", "crop", "fill", "cut", "region"])
def test_a_host_lays_masks_by_the_frame_of_its_sketch(frame):
    size, box = (200, 100), (60, 30, 139, 69)
    lines = frame.place(torch.from_numpy(np.array(square(size, box, 255, 0))).float()[None, None]
                        .expand(1, 3, -1, -1) / 127.5 - 1)
    laid = lay_mask(square(size, box, 255, 0), frame.place)
    assert laid.shape[-2:] == lines.shape[-2:]
    assert torch.equal(laid[0, 0], ((lines[0, 0] + 1) / 2).clamp(0, 1))


def test_nothing_is_masked_beside_the_drawing():
    laid = lay_mask(Image.new("L", (300, 100), 255), sketch_layout((300, 100), Settings(width=96, height=96), 128, 8)
                    .place)
    assert laid.shape == (1, 1, 96, 96)
    assert float(laid[..., :30, :].max()) == 0 and float(laid[..., 33:63, :].min()) > 0.99

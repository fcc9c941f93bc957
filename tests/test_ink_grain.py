"""Lines that keep their ink leave grain alone, and the middle of a grey line is no gap."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from lib_colorize.method.settings import Settings
from lib_colorize.pictures.images import sketch_tensor


def ring(line: int, paper: int, grain: float, side: int = 512) -> Image.Image:
    image = Image.new("L", (side, side), paper)
    ImageDraw.Draw(image).ellipse((90, 90, 420, 420), outline=line, width=16)
    noise = np.random.default_rng(0).normal(0, grain, (side, side))
    return Image.fromarray((np.asarray(image) + noise).clip(0, 255).round().astype(np.uint8))


@pytest.mark.parametrize("line, paper, grain", [(225, 48, 9), (60, 205, 4), (40, 240, 8), (235, 90, 0), (70, 230, 0)])
def test_what_is_shown_of_a_grainy_drawing_is_its_average_where_no_thin_line_is(
    line: int, paper: int, grain: float,
) -> None:
    got, plain = (sketch_tensor(ring(line, paper, grain), Settings(line_strength=each), 128, 64)[0]
                  for each in ("auto", "as drawn"))
    far = (got - plain).abs() > 0.8  # a dot in the paper, a hole in the line
    assert float(far.float().mean()) < 2e-4
    assert float((got - plain).abs().mean()) < 0.05
    assert torch.isfinite(got).all()

"""What open outlines arch over is the figure's: busts, robes; bowls, grass and closed drawings stay as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from lib_colorize.method.settings import Settings
from lib_colorize.pictures.masks import FoundMask, MaskSource, cut_away, said, sketch_mask
from lib_colorize.pictures.open_outlines import open_share, with_open_bodies
from lib_colorize.pictures.outline import enclosed
from lib_colorize.pictures.picture_files import open_image

SKETCHES = Path(__file__).parents[1] / "examples" / "sketches"
HEAD = [(90, 20), (150, 20), (150, 90), (90, 90), (90, 20)]
SHOULDERS = [(50, 200), (50, 130), (90, 105), (150, 105), (190, 130), (190, 200)]


def ink_of(*lines: list[tuple[int, int]]) -> Tensor:
    """[240, 240] in [0, 1]: strokes of five pixels."""
    image = Image.new("L", (240, 240))
    for line in lines:
        ImageDraw.Draw(image).line(line, fill=255, width=5)
    return torch.from_numpy(np.array(image)).float() / 255


def figure_of(ink: Tensor) -> tuple[Tensor, Tensor]:
    """Before and after."""
    before = enclosed(ink.expand(1, 3, -1, -1) * 2 - 1)
    return before, with_open_bodies(before, ink)


def test_a_bust_without_a_frame_has_its_body() -> None:
    ink = ink_of(HEAD, SHOULDERS)
    before, after = figure_of(ink)
    assert before[170, 120] == 0 and open_share(before, ink) > 0.2
    assert float(after[112:196, 56:184].mean()) > 0.97 and open_share(after, ink) < 0.02
    assert after[215, 120] == after[150, 20] == after[150, 220] == after[60, 40] == 0  # nothing around it


@pytest.mark.parametrize("strokes", [
    [[(50, 100), (50, 180), (190, 180), (190, 100)]],  # a bowl
    [[(60, 60), (180, 60)], [(70, 120), (70, 200)], [(170, 120), (170, 200)]],  # blades under a cloud
    [[(190, 60), (50, 60), (50, 180), (190, 180)]],  # open at a side
])
def test_what_is_open_elsewhere_and_strokes_apart_enclose_nothing(strokes: list[list[tuple[int, int]]]) -> None:
    before, after = figure_of(ink_of(HEAD[:1] * 2, *strokes))
    assert torch.equal(before, after)


@pytest.mark.parametrize("name, bodies", [("woman", ((0.5, 0.8),)), ("wizard", ((0.45, 0.8), (0.3, 0.8)))])
def test_the_open_bodies_of_the_examples_are_not_cut_away(name: str, bodies: tuple[tuple[float, float], ...]) -> None:
    found = sketch_mask(open_image(SKETCHES / f"{name}.png"))
    for x, y in bodies:
        assert found.image.getpixel((int(x * found.image.width), int(y * found.image.height))) == 255
    assert found.image.getpixel((found.image.width // 20, int(0.8 * found.image.height))) == 0
    assert not cut_away(found)


@pytest.mark.parametrize("name", ["cow", "dog", "gift", "walk"])
def test_a_closed_drawing_keeps_its_mask(name: str) -> None:
    image = Image.open(SKETCHES / f"{name}.png").convert("L").resize((256, 256))
    before, after = figure_of(1 - torch.from_numpy(np.array(image)).float() / 255)
    assert float((after - before).abs().mean()) < 0.002


def test_lines_that_stand_open_are_told_where_they_are_cut_away() -> None:
    bowl = ink_of(HEAD, [(20, 130), (20, 220), (220, 220), (220, 130)])
    found = sketch_mask(Image.fromarray(((1 - bowl) * 255).byte().numpy()).convert("RGB"), None, Settings())
    assert found.source is MaskSource.OUTLINE and 0.4 < found.open < 0.7
    assert f"{found.open:.0%} of its lines stand open" in said(found, "sketch")
    assert said(FoundMask(found.image, MaskSource.OUTLINE), "sketch") == "mask of the sketch: its outlines"

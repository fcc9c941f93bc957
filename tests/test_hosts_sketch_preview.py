"""What a page shows of a sketch before a run: the size that its sliders get."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from PIL import Image

from lib_colorize.checkpoint.config import PARTS
from lib_colorize.checkpoint.read import read
from lib_colorize.checkpoint.write import write
from lib_colorize.errors import ColorizeError
from lib_colorize.hosts.checkpoints import SHIPPED
from lib_colorize.hosts.settings import JobSettings
from lib_colorize.hosts.sketch_preview import size_for_sketch


@pytest.fixture(scope="module")
def sliders(module_folder):
    """The sizes for a sketch of so many pixels, with the shipped model as if it were of 128 px and any shape."""
    shipped, file = read(SHIPPED), module_folder / "small.safetensors"
    write(file, {part: getattr(shipped, part) for part in PARTS}, replace(shipped.card, resolution=128, training={}))
    host = SimpleNamespace(chosen_path=lambda: str(file), picture_folders=lambda: (), fetch_picture=lambda: None)
    return lambda width, height: size_for_sketch(host, Image.new("RGB", (width, height)), JobSettings())


@pytest.mark.parametrize(("drawing", "expected"), [
    ((600, 440), (128, 96)), ((440, 600), (96, 128)), ((50, 50), (128, 128)), ((1280, 796), (192, 120)),
    ((611, 37), (1056, 64)), ((300, 3000), (64, 640)),
])
def test_the_sliders_get_the_drawing_as_the_model_makes_it_and_no_paper_around_it(sliders, drawing, expected):
    width, height = sliders(*drawing)
    assert (width, height) == expected
    assert width % 8 == height % 8 == 0 and min(width, height) >= 64  # all that a host's slider can say
    squeezed = (width / height) / (drawing[0] / drawing[1])
    assert abs(squeezed - 1) < 4 / min(width, height)  # half a step of the slider


def test_a_strip_that_the_sliders_cannot_say_is_refused_instead_of_squeezed(sliders):
    with pytest.raises(ColorizeError, match=r"4000x100 pixels.*Size from the sketch"):
        sliders(4000, 100)

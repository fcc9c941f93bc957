"""Sizes in live hosts: the canvas that follows the sketch under hires fix and in batches, the smallest pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lib_colorize.method.settings import Settings
from tests.webui.reply import Reply, encode

if TYPE_CHECKING:
    from PIL import Image

    from lib_colorize.pictures.canvas import Placement
    from tests.webui.host import Host

TWO = Settings(steps=2, sampler="Euler", scheduler="Automatic", width=512, height=512, seed=5)
SKETCH = (600, 440)  # px


def own(size: tuple[int, int] = SKETCH) -> Placement:
    """The canvas that the shipped model has for a sketch of that size, and the sketch on it."""
    from lib_colorize.hosts.checkpoints import SHIPPED, colorize_file
    from lib_colorize.hosts.settings import JobSettings
    from lib_colorize.hosts.sizes import placement_of

    file = colorize_file(SHIPPED)
    assert file is not None
    return placement_of(size, file, JobSettings())


def hires(host: Host, drawing: Image.Image, scale: float = 2.0, upscaler: str = "Latent", **rest: Any) -> Reply:
    from tests.webui.jobs import colour

    extra = {"hr_additional_modules": ["Use same choices"]} if host.kind == "forge" else {}
    arguments = {"size_from_sketch": True, "sketch": encode(drawing), **rest.pop("arguments", {})}
    reply = colour(host, TWO, tab="txt2img", enable_hr=True, hr_scale=scale, hr_upscaler=upscaler,
                   hr_second_pass_steps=2, denoising_strength=0.6, arguments=arguments, **extra, **rest)
    assert reply.status == 200, reply.message
    return reply


@pytest.mark.parametrize(("size", "scale", "upscaler"), [
    (SKETCH, 2.0, "Latent"), (SKETCH, 2.0, "Lanczos"), (SKETCH, 1.5, "Latent"), ((1280, 796), 2.0, "Lanczos")])
def test_hires_fix_is_cut_to_the_sketch(host: Host, size: tuple[int, int], scale: float, upscaler: str) -> None:
    from tests.webui.jobs import colour, sketch

    drawing = sketch(*size)
    found = hires(host, drawing, scale, upscaler).image
    small = colour(host, TWO, tab="txt2img", arguments={"size_from_sketch": True, "sketch": encode(drawing)}).image
    assert small.size == (own(size).width, own(size).height)
    assert found.size == (int(small.width * scale), int(small.height * scale))


def test_hires_fix_with_lines_over_it(host: Host) -> None:
    from tests.webui.jobs import sketch

    drawing = sketch(*SKETCH)
    plain, lined = (hires(host, drawing, arguments={"line_overlay": strength}).image for strength in (0.0, 1.0))
    assert plain.size == lined.size == (own().width * 2, own().height * 2)
    lines = np.asarray(drawing.convert("L").resize(plain.size)) < 60
    grey = [np.asarray(picture.convert("L")).astype(int)[lines].mean() for picture in (plain, lined)]
    assert grey[1] < 80 and grey[1] < grey[0]


def test_hires_fix_to_another_shape_leaves_no_bar_of_paper(host: Host) -> None:
    from tests.webui.jobs import sketch

    double = {"hr_resize_x": own().canvas_width * 2, "hr_resize_y": own().canvas_height * 2}
    assert hires(host, sketch(*SKETCH), **double).image.size == (own().width * 2, own().height * 2)
    wide = hires(host, sketch(*SKETCH), hr_resize_x=384, hr_resize_y=192).image
    assert wide.size == (384, 192)


@pytest.mark.parametrize("overlay", [0.0, 1.0])
def test_each_sketch_of_a_batch_is_cut_to_its_own_shape(host: Host, overlay: float) -> None:
    from tests.webui.jobs import colour, sketch

    drawings = [sketch(900, 560), sketch(560, 900, "dog")]
    reply = colour(host, TWO.with_(batch=2), init_images=[encode(drawing) for drawing in drawings],
                   arguments={"size_from_sketch": True, "line_overlay": overlay})
    assert reply.status == 200, reply.message
    found = reply.images[-2:]
    for picture, drawing in zip(found, drawings):
        assert picture.width / picture.height == pytest.approx(drawing.width / drawing.height, rel=0.04)
        if overlay:
            assert picture.size == drawing.size
            lines = np.asarray(drawing.convert("L")) < 60
            assert np.asarray(picture.convert("L"))[lines].mean() < 60


def test_a_size_that_no_network_takes_is_one_sentence(host: Host) -> None:
    from tests.webui.jobs import colour, sketch

    for side in (8, 16, 24, 32, 40, 56, 64, 72):
        reply = colour(host, TWO.with_(width=side, height=side), drawing=sketch(64, 64))
        print(host.kind, side, reply.status, reply.message[:300])
        assert reply.status in (200, 422), (side, reply.message)


def test_a_coloured_result_is_not_taken_for_its_sketch(host: Host) -> None:
    from tests.webui.jobs import colour, sketch

    small = TWO.with_(width=64, height=64)
    first = colour(host, small)
    hash_of = next(part for part in first.infotext.split(", ") if part.startswith("Colorize sketch hash"))
    arguments = {"sketch_hash": hash_of.partition(": ")[2]}
    wrong = colour(host, small, drawing=first.image, arguments=arguments)
    assert wrong.status == 422 and "is not the sketch of the pasted text" in wrong.message
    again = colour(host, small, arguments=arguments)
    assert again.md5 == first.md5
    boxed = colour(host, small, drawing=first.image, arguments={**arguments, "sketch": encode(sketch(64, 64))})
    assert boxed.status == 200

"""Scripts that paint a picture in parts, in live hosts: SD upscale, Ultimate SD Upscale, and what cannot be placed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.webui.tile_jobs import EIGHT, SD_UPSCALE, coloured, kept, upscaled

if TYPE_CHECKING:
    from PIL import Image

    from tests.webui.host import Host


def lines_met(picture: Image.Image, sketch: Image.Image) -> float:
    """How much darker the picture is where the sketch has lines than elsewhere, of 255."""
    grey = np.asarray(picture.convert("L")).astype(float)
    dark = np.asarray(sketch.convert("L").resize(picture.size)) < 100
    return float(grey[~dark].mean() - grey[dark].mean())


def test_each_tile_is_shown_its_own_part_of_the_sketch(tiled: Host, upscale: dict[str, Any]) -> None:
    """The lines of the sketch lie where the picture's are; those of another sketch do so less."""
    from tests.webui.jobs import sketch

    base, drawing = coloured(tiled), sketch(512, 512)
    reply = upscaled(tiled, base, upscale, drawing)
    assert reply.status == 200, reply.message
    found = reply.images[0]
    other = upscaled(tiled, base, upscale, sketch(512, 512, "dog")).images[0]
    kept(tiled, upscale["script_name"].replace(" ", "-"), base, found, other)
    assert found.size == (256, 256)
    print(tiled.kind, upscale["script_name"], lines_met(found, drawing), lines_met(other, drawing))
    assert lines_met(found, drawing) > 1.2 * lines_met(other, drawing)
    assert lines_met(found, drawing) > 0.8 * lines_met(base, drawing)
    assert "Colorize start: keep base" in reply.info["infotexts"][0]


def test_several_tiles_in_one_call_give_the_same_picture(tiled: Host) -> None:
    from tests.webui.jobs import sketch

    base, drawing = coloured(tiled), sketch(512, 512)
    alone, together = (upscaled(tiled, base, SD_UPSCALE, drawing, batch_size=size) for size in (1, 2))
    assert alone.status == together.status == 200, (alone.message, together.message)
    assert alone.images[0].size == together.images[0].size
    assert lines_met(together.images[0], drawing) > 0.8 * lines_met(alone.images[0], drawing)


def test_a_blank_tile_refuses_nothing(tiled: Host, upscale: dict[str, Any]) -> None:
    from PIL import Image

    from tests.webui.jobs import sketch

    half, base = Image.new("RGB", (512, 512), "white"), Image.new("RGB", (128, 128), "white")
    half.paste(sketch(256, 512), (0, 0))
    base.paste(coloured(tiled).resize((64, 128)), (0, 0))
    for arguments, drawing in (({}, half), ({"extractor": "lineart", "start": "keep base"}, None)):
        reply = upscaled(tiled, base, upscale, drawing, arguments=arguments)
        assert reply.status == 200, reply.message


def test_without_a_sketch_it_is_one_sentence(tiled: Host, upscale: dict[str, Any]) -> None:
    from tests.webui.jobs import sketch

    reply = upscaled(tiled, sketch(128, 128), upscale, None)
    assert reply.status == 422 and "paints img2img's picture in parts" in reply.message, reply.message


@pytest.mark.parametrize("name, arguments", [
    ("Outpainting mk2", ["", 64, 8, ["left"], 1.0, 0.05]), ("Poor man's outpainting", [64, 4, "fill", ["left"]])])
def test_what_cannot_be_placed_is_one_sentence(tiled: Host, name: str, arguments: list[Any]) -> None:
    from tests.webui.jobs import sketch

    base = coloured(tiled)
    reply = upscaled(tiled, base, {"script_name": name, "script_args": arguments}, sketch(128, 128))
    assert reply.status == 422 and f"the script {name} changes" in reply.message, (reply.status, reply.message)


def test_img2img_alternative_is_named(tiled: Host) -> None:
    from tests.webui.jobs import colour, sketch

    arguments = ["", True, True, "", "", True, 2, True, 1.0, 0.0, False]
    name = "img2img alternative test"
    reply = colour(tiled, EIGHT, drawing=sketch(128, 128), script_name=name, script_args=arguments)
    assert reply.status == 422 and f"{name} samples in a way of its own" in reply.message, reply.message

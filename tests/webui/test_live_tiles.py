"""Scripts that paint a picture in parts, in live hosts: SD upscale, Ultimate SD Upscale, and what cannot be placed.

COLORIZE_TILES_DIR names a folder in which the pictures are kept, to be looked at.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lib_colorize.method.settings import Settings
from tests.webui.data_folder import extension_of
from tests.webui.reply import Reply, encode

if TYPE_CHECKING:
    from PIL import Image

    from tests.webui.host import Host

EIGHT = Settings(steps=8, sampler="Euler", scheduler="Automatic", width=128, height=128, seed=5)
ULTIMATE = "ultimate-upscale-for-automatic1111"
# what the scripts' own ui() asks for, in its order
SD_UPSCALE = {"script_name": "SD upscale", "script_args": ["", 32, "Lanczos", 2.0]}
ULTIMATE_UPSCALE = {"script_name": "Ultimate SD upscale", "script_args": [
    "", 128, 128, 8, 16, 64, 0.35, 16, 0, False, 0, False, 4, 0, 2, 256, 256, 2]}


@pytest.fixture(scope="module")
def tiled(kind: str, files: dict[str, Path]) -> Iterator[Host]:
    """A host with Ultimate SD Upscale where the environment names it."""
    from tests.webui.host import Host

    beside = [ULTIMATE] if extension_of(ULTIMATE) else []
    with Host.start(kind, files=files, options={"sd_model_checkpoint": "plain"}, beside=beside) as running:
        yield running


@pytest.fixture(params=["SD upscale", "Ultimate SD upscale"])
def upscale(request: pytest.FixtureRequest) -> dict[str, Any]:
    if request.param == "SD upscale":
        return SD_UPSCALE
    if extension_of(ULTIMATE) is None:
        pytest.skip(f"no {ULTIMATE} in COLORIZE_EXTENSIONS_DIR")
    return ULTIMATE_UPSCALE


def coloured(host: Host) -> Image.Image:
    """What the user wants larger, 128x128."""
    from tests.webui.jobs import colour

    reply = colour(host, EIGHT)
    assert reply.status == 200, reply.message
    return reply.image


def upscaled(host: Host, base: Image.Image, script: dict[str, Any], sketch: Image.Image | None, **more: Any) -> Reply:
    from tests.webui.jobs import colour

    arguments = {**({} if sketch is None else {"sketch": encode(sketch)}), **more.pop("arguments", {})}
    return colour(host, EIGHT, drawing=base, arguments=arguments, **{"denoising_strength": 0.5, **script, **more})


def kept(host: Host, name: str, *pictures: Image.Image) -> None:
    folder = os.environ.get("COLORIZE_TILES_DIR")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        for i, picture in enumerate(pictures):
            picture.save(Path(folder) / f"{host.kind}-{name}-{i}.png")


def lines_met(picture: Image.Image, sketch: Image.Image) -> float:
    """How much darker the picture is where the sketch has lines than elsewhere, of 255."""
    grey = np.asarray(picture.convert("L")).astype(float)
    dark = np.asarray(sketch.convert("L").resize(picture.size)) < 100
    return float(grey[~dark].mean() - grey[dark].mean())


def seam(picture: Image.Image, base: Image.Image) -> float:
    """The step across the middle, where tiles meet, above that in the base."""
    found = []
    for image in (picture, base.resize(picture.size)):
        values = np.asarray(image.convert("RGB")).astype(float)
        middle = values.shape[1] // 2
        found.append(np.abs(values[:, middle + 1].mean(0) - values[:, middle - 1].mean(0)).mean())
    return float(found[0] - found[1])


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
    print(tiled.kind, upscale["script_name"], lines_met(found, drawing), lines_met(other, drawing), seam(found, base))
    assert lines_met(found, drawing) > 1.2 * lines_met(other, drawing)
    assert lines_met(found, drawing) > 0.8 * lines_met(base, drawing)
    assert seam(found, base) < 12
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

    if tiled.kind == "forge":
        pytest.skip("there the script fails by itself")
    arguments = ["", True, True, "", "", True, 2, True, 1.0, 0.0, False]
    name = "img2img alternative test"
    reply = colour(tiled, EIGHT, drawing=sketch(128, 128), script_name=name, script_args=arguments)
    assert reply.status != 200 and f"{name} samples in a way of its own" in reply.message, reply.message

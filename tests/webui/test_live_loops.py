"""What runs one request several times: the batch tab, loopback; and the latents themselves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from lib_colorize.method.settings import Settings
from tests.webui.reply import Reply, difference, encode

if TYPE_CHECKING:
    from tests.webui.host import Host

THREE = Settings(steps=3, sampler="DPM++ 2M", scheduler="Karras", width=128, height=128, seed=11)
LATENT_LIMIT = 1e-3


@pytest.mark.parametrize("changes", [
    {}, {"sketch_guidance": 2.0}, {"reference_guidance": 1.0}, {"guidance_end": 0.5}, {"sampler": "Euler a"}])
def test_latents_are_the_engines(
    host: Host, changes: dict[str, object], record_property: pytest.RecordProperty,
) -> None:
    from lib_colorize.pictures.images import sketch_tensor
    from tests.webui.jobs import colour, engine, reference, sketch

    settings = THREE.with_(**changes)
    reply = colour(host, settings)
    assert reply.status == 200, reply.message
    found = torch.tensor(host.get("/probe/latents").body)
    own = engine()
    drawing, _ = sketch_tensor(sketch(128, 128), settings, own.resolution, own.multiple)
    conditioning = own.condition(drawing, own.tokens(reference()), settings)
    with own.denoiser(conditioning, settings) as denoise:
        expected = own.sample_seed(denoise, settings, (1, 4, 16, 16))
    largest = float((found - expected).abs().max())
    record_property("latent difference", largest)
    print(f"{host.kind} {changes}: latents differ by {largest:.1e} of at most {float(expected.abs().max()):.1f}")
    assert found.shape == expected.shape and largest < LATENT_LIMIT


def test_the_batch_tab_colours_each_file_by_its_own_lines(host: Host, tmp_path: Path) -> None:
    from tests.webui.jobs import body, engine, reference, sketch

    source, target = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    names = ("cow", "dog", "gift")
    for name in names:
        sketch(128, 128, name).save(source / f"{name}.png")
    request = body(THREE) | {"script_name": "Probe batch", "script_args": [str(source), str(target)]}
    reply = host.post("/sdapi/v1/img2img", request)
    assert reply.status == 200, reply.message
    assert len(reply.images) == len(names)
    for name, picture in zip(sorted(names), reply.images):
        (expected,) = engine().colorize(sketch(128, 128, name), reference(), THREE)
        assert difference(picture, expected.image) <= 2, name
    hashes = {part for text in reply.info["infotexts"] for part in text.split(", ") if "sketch hash" in part}
    assert len(hashes) == len(names)


def test_a_sketch_without_lines_does_not_stop_the_batch_tab(host: Host, tmp_path: Path) -> None:
    from PIL import Image

    from tests.webui.jobs import body, engine, reference, sketch

    source = tmp_path / "in"
    source.mkdir()
    for name in ("cow", "gift"):
        sketch(128, 128, name).save(source / f"{name}.png")
    Image.new("RGB", (128, 128), "white").save(source / "dog.png")
    (source / "cow.txt").write_text("a caption", encoding="utf-8")
    request = body(THREE) | {"script_name": "Probe batch", "script_args": [str(source), str(tmp_path / "out")]}
    reply = host.post("/sdapi/v1/img2img", request)
    assert reply.status == 200, reply.message
    assert len(reply.images) == 2
    for name, picture in zip(("cow", "gift"), reply.images):
        (expected,) = engine().colorize(sketch(128, 128, name), reference(), THREE)
        assert difference(picture, expected.image) <= 2, name


def test_loopback_keeps_the_sketch_and_goes_on_from_its_result(host: Host) -> None:
    """With pure noise each loop is a new picture of the same sketch; with keep base each starts from the one before."""
    from tests.webui.jobs import body, sketch

    def loop(**arguments: object) -> Reply:
        request = body(THREE, arguments=arguments) | {
            "script_name": "Loopback", "script_args": [3, 0.5, "Linear", "None"], "denoising_strength": 0.5}
        return host.post("/sdapi/v1/img2img", request)

    for arguments in ({}, {"start": "keep base", "sketch": encode(sketch(128, 128))}):
        reply = loop(**arguments)
        assert reply.status == 200, reply.message
        texts = reply.info["infotexts"]
        assert len(texts) >= 3
        hashes = {part for text in texts for part in text.split(", ") if part.startswith("Colorize sketch hash")}
        assert len(hashes) == 1, hashes

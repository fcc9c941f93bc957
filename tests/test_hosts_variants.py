"""A job of a host shows the U-Net what the engine shows it: masks, v1.5, v2, several references, injection."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

from lib_colorize.engine.encoding import posterior
from lib_colorize.engine.engine import Engine
from lib_colorize.errors import ColorizeError
from lib_colorize.hosts.host_run import HostRun
from lib_colorize.hosts.job import Job, start
from lib_colorize.hosts.latents import moments
from lib_colorize.hosts.request import parse
from lib_colorize.method.settings import Settings
from lib_colorize.pictures.extras import Extras, FurtherReference
from lib_colorize.pictures.framing import Fit, Frame
from lib_colorize.pictures.masks import FoundMask, sketch_mask
from tests.standalone_models import write_variant
from tests.test_engine_variants import MASKS, figure, referred, sketched
from tests.test_hosts_job import Program
from tests.test_opened_page import example, on_page

GREEN = Image.new("RGB", (40, 90), "green")
TABLE: dict[str, tuple[dict[str, Any], dict[str, Image.Image]]] = {
    "v1": ({"background_enhance": True, "merge": 0.25, "foreground_strength": 0.5, "reference_2_weight": 2.0,
            "injection": 0.5, "injection_control": 0.5},
           {"reference_2": GREEN, "reference_2_region": figure((64, 64))}),
    "v1.5": ({"background_enhance": True, "foreground_enhance": True}, {}),
    "v2": ({"background_enhance": True, "style_enhance": True, "background_factor": 0.5, "merge": 0.25},
           {"background": GREEN}),
}


class WithVAE(Program):
    """A program that has loaded the checkpoint's VAE, as `ldm` has it."""

    def __init__(self, path: Path, folder: Path, engine: Engine) -> None:
        super().__init__(path, folder)
        self.engine = engine

    def moments(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        return moments(self.engine.vae, picture, self.engine.vae.scale_factor)


def same(one: Any, other: Any, where: str = "") -> None:
    """Dataclasses, tuples and tensors alike all through."""
    if isinstance(one, Tensor):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4, msg=lambda text: f"{where}: {text}")
    elif is_dataclass(one):
        for item in fields(one):
            if item.compare and not item.name.startswith("_"):
                same(getattr(one, item.name), getattr(other, item.name), f"{where}.{item.name}")
    elif isinstance(one, tuple):
        assert len(one) == len(other), where
        for i, (a, b) in enumerate(zip(one, other)):
            same(a, b, f"{where}[{i}]")
    else:
        assert one == other, where


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Engine]]:
    folder = tmp_path_factory.mktemp("files")
    paths = {name: write_variant(folder / f"{name}.safetensors", name) for name in TABLE}
    return {name: (path, Engine.load(path)) for name, path in paths.items()}


def begun(name: str, engines: dict[str, tuple[Path, Engine]], folder: Path, **more: Any) -> tuple[Job, Engine]:
    path, engine = engines[name]
    settings, images = TABLE[name]
    request = {"sketch": sketched(), "reference": referred(), "sketch_mask": MASKS.sketch_mask,
               "reference_mask": MASKS.reference_mask, "trim_reference": False, **settings, **images, **more}
    given = parse([{key: value for key, value in request.items() if value is not None}])
    assert given is not None
    return start(WithVAE(path, folder, engine), given), engine  # type: ignore[arg-type]


@pytest.mark.parametrize("name", TABLE)
def test_what_a_job_shows_is_what_the_engine_shows(
    name: str, engines: dict[str, tuple[Path, Engine]], tmp_path: Path,
) -> None:
    job, engine = begun(name, engines, tmp_path)
    run = job.start_run(engine.unet, [Frame(64, 64, Fit.FILL)])
    run.start([3])
    own, images = TABLE[name]
    further = tuple(FurtherReference(images["reference_2"], 2.0, images["reference_2_region"])
                    for _ in range("reference_2" in images))
    settings = Settings(width=64, height=64, **{key: value for key, value in own.items() if "weight" not in key})
    ready = engine.preparing.prepare(sketched(), referred(), settings, Extras(
        MASKS.sketch_mask, MASKS.reference_mask, images.get("background"), further=further))
    shown = job.conditioning(job.frames)
    assert shown.masked is not None and (shown.style is not None) == (name == "v2") == (shown.background is not None)
    same(shown, ready.conditioning)
    with run.applied() as attached, torch.no_grad():
        attached.branches = run.guidance().branches
        engine.unet(torch.randn(2, 4, 8, 8), torch.tensor([500.0, 500.0]), None)
    for module in engine.unet.modules():
        assert not module._forward_hooks and not module._forward_pre_hooks and "forward" not in vars(module)


@pytest.mark.parametrize(("name", "more", "message"), [
    ("v1", {"style_enhance": True}, "only v2 checkpoints have it"),
    ("v1", {"background_enhance": False, "background": GREEN}, "but the background is not coloured apart"),
    ("v1", {"sketch_mask": figure((32, 64))}, "the mask of the sketch has 32x64"),
    ("v1", {"reference_mask": Image.new("L", (50, 70), 0)}, "all black"),
    ("v1", {"reference_2_region": figure((30, 30))}, "the region of reference 2 has 30x30"),
    ("v2", {"reference": None}, "style enhance: there is no reference"),
])
def test_what_cannot_be_done_is_told_before_anything_is_computed(
    name: str, more: dict[str, Any], message: str, engines: dict[str, tuple[Path, Engine]], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lib_colorize.hosts.tokens.reference_encoder", lambda *_: pytest.fail("computed"))
    monkeypatch.setattr("lib_colorize.hosts.shown_reference.TOKENS", None)
    with pytest.raises(ColorizeError, match=message):
        begun(name, engines, tmp_path, **more)


def test_the_latents_of_a_hosts_vae_are_the_engines(engines: dict[str, tuple[Path, Engine]]) -> None:
    vae, picture = engines["v1"][1].vae, torch.rand(1, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        same(moments(vae, picture, vae.scale_factor), posterior(vae, picture))


def test_a_region_lies_over_each_sketch_of_a_batch_as_over_that_sketch_alone(
    engines: dict[str, tuple[Path, Engine]], tmp_path: Path,
) -> None:
    path, engine = engines["v1"]
    right = on_page(example("sketches/dog"), 0.25)
    left = right.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    region = Image.new("L", right.size)
    region.paste(255, (0, 0, 110, right.height))  # of the drawing to the left a part, of the other one nothing
    request = parse([{"reference": referred(), "reference_2": GREEN, "reference_2_region": region,
                      "size_from_sketch": True}])
    assert request is not None
    program, frames = WithVAE(path, tmp_path, engine), (Frame(64, 64, Fit.FILL),)

    def areas(*pictures: Image.Image) -> Tensor:
        job = start(program, request, HostRun(pictures))  # type: ignore[arg-type]
        bias = job.conditioning(frames).token_bias
        assert bias is not None and bias.areas is not None
        return bias.areas

    alone = areas(left)
    assert areas(left, left).equal(alone)
    nearer = Image.new("RGB", right.size, "white")
    nearer.paste(left.crop((0, 0, 220, 500)).transpose(Image.Transpose.FLIP_LEFT_RIGHT), (0, 0))
    other = areas(nearer)
    assert not other.equal(alone)
    assert areas(left, nearer).equal(torch.cat([alone, other]))
    with pytest.raises(ColorizeError, match="reference 2 is black all over"):
        areas(left, right)
    with pytest.raises(ColorizeError, match="has 600x500 pixels"):
        areas(left, sketched())


def test_a_figure_that_is_taken_out_and_coloured_apart_is_looked_for_once(
    engines: dict[str, tuple[Path, Engine]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked = []

    def counted(*given: Any) -> FoundMask:
        looked.append(given)
        return sketch_mask(*given)

    for module in ("backdrop", "job_masks"):
        monkeypatch.setattr(f"lib_colorize.pictures.{module}.sketch_mask", counted)
    job, engine = begun("v1", engines, tmp_path, sketch=example("sketches/dog"), sketch_mask=None, backdrop="plain",
                        reference_2_region=None)
    job.start_run(engine.unet, [Frame(64, 64, Fit.FILL)])
    assert job.figures and len(looked) == 1

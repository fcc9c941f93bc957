"""What v1.5, v2, several references, texts and injection add, on a device that is not there: see `fake_device`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from lib_colorize.engine.engine import Engine
from lib_colorize.engine.guided_step import GuidedStep
from lib_colorize.engine.tiled_step import TiledStep
from lib_colorize.method.settings import Settings
from lib_colorize.method.text.tower import TextConfig, TextTower
from lib_colorize.method.variants.variant import Variant
from lib_colorize.pictures.extras import NO_EXTRAS, FurtherReference
from tests.fake_device import CUDA, FakeCuda
from tests.standalone_models import write_variant
from tests.test_engine_variants import BEHIND, MASKS, MODES, figure, referred, sketched

GUIDED = Settings(reference_guidance=2.0)
REGION = FurtherReference(Image.new("RGB", (40, 40), "green"), 3.0, figure((64, 64)))
PLAIN: dict[str, Any] = {
    "regions": ({}, replace(NO_EXTRAS, further=(REGION,))),
    "weights": ({"sketch_guidance": 2.0}, replace(NO_EXTRAS, further=(replace(REGION, region=None),))),
    "reference scale": ({"reference_scale": 1.5}, NO_EXTRAS),
    "texts": ({"text_target": "red hair", "text_control": "hair", "text_scale": 8.0}, NO_EXTRAS),
    "injection": ({"injection": 0.7, "injection_control": 0.5, "sketch_guidance": 2.0}, NO_EXTRAS),
    "injection in regions": ({"injection": 1.0}, replace(NO_EXTRAS, further=(REGION,))),
}
CASES = [("v1", changes, extras) for changes, extras in PLAIN.values()] + [
    (name, {**changes, "merge": 0.5}, extras) for name, modes in MODES.items() if name != "v1" for changes in modes[-3:]
    for extras in ((MASKS,) if name == "v1.5" or changes is not modes[-2] else (MASKS, BEHIND))] + [
    (name, {**MODES[name][-2 if name == "v2" else -1], "injection": 0.5}, replace(MASKS, further=(REGION,)))
    for name in MODES]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("variants")
    return {name: write_variant(folder / f"{name}.safetensors", name) for name in MODES}


@pytest.fixture(scope="module")
def fake() -> FakeCuda:
    return FakeCuda()


@pytest.fixture(scope="module")
def engines(files: dict[str, Path], fake: FakeCuda) -> dict[str, Engine]:
    with fake, torch.no_grad():
        return {name: engine_of(file, fake) for name, file in files.items()}


@pytest.fixture
def device(fake: FakeCuda, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCuda]:
    monkeypatch.setattr("torch.cuda.amp.common.amp_definitely_not_available", lambda: False)
    with fake as mode, torch.no_grad():
        yield mode


def text_tower() -> TextTower:
    tower = TextTower(TextConfig(77, 49408, 64, 1, 1, 4.0, 64)).half().requires_grad_(False)
    for norm in tower.modules():
        if isinstance(norm, nn.LayerNorm):
            norm.float()
    return tower


def engine_of(file: Path, device: FakeCuda) -> Engine:
    """As `Engine.load` makes it, and then all that computes is of the device."""

    def there(make: Callable[..., Any]) -> Callable[..., Any]:
        def made(*args: Any) -> Any:
            network = make(*args)
            device.takes(network)
            return network

        return made

    engine = Engine.load(file, device="cpu", dtype="float16")
    preparing, variant = engine.preparing, engine.variant
    for network in (engine.unet, engine.sketch_encoder, engine.vae, variant.warps, variant.styles):
        if network is not None:
            device.takes(network)
    roles = (loras.to(CUDA, torch.float16) for loras in (variant.figure, variant.background))
    variant = Variant(variant.name, *roles, variant.warps, variant.styles, there(variant.load))
    engine.variant = preparing.variant = variant
    engine.device = engine.running.device = CUDA
    preparing.reference_tokens.load = there(preparing.reference_tokens.load)
    preparing.texts._load = there(text_tower)
    return engine


def step_on_the_device(denoise: GuidedStep | TiledStep, x: Tensor, device: FakeCuda) -> None:
    """The second step of two seeds; what it moved is in `device.crossings`."""
    denoise.prepare([7.0])
    denoise.start([3, 4])
    denoise(x, torch.tensor([7.0]))
    device.crossings.clear()
    denoised = denoise(x, torch.tensor([7.0]))
    assert denoised.device == CUDA and denoised.shape == x.shape and denoised.dtype == torch.float32


@pytest.mark.parametrize(("name", "changes", "extras"), CASES)
def test_a_job_is_made_and_its_steps_stay_on_the_device(
    device: FakeCuda, engines: dict[str, Engine], name: str, changes: dict[str, Any], extras: Any,
) -> None:
    """Float16; of a step nothing but the noise of what is injected is moved."""
    engine, settings = engines[name], GUIDED.with_(**changes)
    ready = engine.preparing.prepare(sketched(), referred(), settings, extras)
    x = torch.zeros(2, engine.unet.in_channels, *ready.conditioning.latent_size).to(CUDA)
    with engine.denoiser(ready.conditioning, settings) as denoise:
        step_on_the_device(denoise, x, device)
    assert len(device.crossings) == (1 if settings.injection else 0)


def test_a_step_in_windows_stays_on_the_device(device: FakeCuda, engines: dict[str, Engine]) -> None:
    engine, settings = engines["v1"], GUIDED.with_(sketch_guidance=2.0)
    ready = engine.preparing.prepare(sketched(), referred(), settings, NO_EXTRAS, 5 * engine.resolution, tiled=True)
    x = torch.zeros(2, engine.unet.in_channels, *(side // engine.vae.factor for side in ready.canvas)).to(CUDA)
    with engine.shown(ready, settings) as denoise:
        assert isinstance(denoise, TiledStep) and len(denoise.windows) > 1
        denoise.begin(torch.ones_like(x))
        step_on_the_device(denoise, x, device)
    assert not device.crossings

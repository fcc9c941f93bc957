"""A step on a device that is not there: nothing is left on the CPU, copied between devices or asked for a value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from lib_colorize.cli.random_networks import random_engine
from lib_colorize.engine.engine import Engine
from lib_colorize.method.injected_picture import InjectedPicture
from lib_colorize.method.settings import Settings
from lib_colorize.method.token_bias import areas_of, bias_between
from tests.fake_device import CUDA, FakeCuda
from tools.gpu_check.sizes import operator_network

SHAPE = (1, 4, 8, 8)
SETTINGS = {
    "one row": Settings(reference_guidance=1.0),
    "three rows": Settings(sketch_guidance=2.0),
    "scales and windows": Settings(reference_strength=0.6, guidance_end=0.5),
}


@pytest.fixture
def device() -> Iterator[FakeCuda]:
    with FakeCuda() as mode, torch.no_grad():
        yield mode


@pytest.fixture
def engine(device: FakeCuda) -> Engine:
    here = torch.device("cpu")
    made = random_engine(operator_network(), lambda: pytest.fail("tokens are made here"), torch.bfloat16, here)
    for network in (made.unet, made.sketch_encoder, made.vae):
        device.takes(network)
    made.device, made.one_by_one = CUDA, False
    return made


def test_the_fake_device_refuses_what_a_real_one_does(device: FakeCuda) -> None:
    there = torch.zeros(2, 3).to(CUDA)
    assert device.crossings == ["aten._to_copy.default"]
    with pytest.raises(Exception, match="device"):
        there + torch.zeros(2, 3)
    with pytest.raises(Exception, match="_local_scalar_dense"):
        float(there[0, 0])
    assert float(torch.ones(1)[0]) == 1 and (there * torch.tensor(2.0)).device == CUDA


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("pictures", (1, 3))
def test_a_step_stays_on_the_device(device: FakeCuda, engine: Engine, name: str, pictures: int) -> None:
    settings = SETTINGS[name]
    conditioning = engine.condition(torch.zeros(1, 3, 64, 64), torch.zeros(1, 17, 32).to(CUDA), settings)
    x = torch.zeros(pictures, *SHAPE[1:]).to(CUDA)
    with engine.denoiser(conditioning, settings) as denoise:
        denoise.prepare([7.0, 0.1])
        for sigma in (7.0, 0.1):
            denoise(x, torch.tensor([sigma]))  # keys, values and hints of the rows are laid out
        device.crossings.clear()
        for sigma in (7.0, 0.1):
            denoised = denoise(x, torch.tensor([sigma]))
            assert denoised.device == CUDA and denoised.shape == x.shape and denoised.dtype == torch.float32
    assert device.crossings == []


def test_regions_stay_there_and_injection_moves_its_noise_alone(device: FakeCuda, engine: Engine) -> None:
    settings = Settings(injection=0.5, sketch_guidance=2.0)
    shown = engine.condition(torch.zeros(1, 3, 64, 64), torch.zeros(1, 17, 32).to(CUDA), settings)
    bias = bias_between((6, 10), (1.0, 0.5), areas_of([None, torch.ones(1, 1, 64, 64)], (8, 8)))
    mean = torch.zeros(SHAPE).to(CUDA)
    picture = InjectedPicture(mean, mean, tuple(hint.clone() for hint in shown.hints), engine.schedule.alphas_cumprod)
    x = torch.zeros(2, *SHAPE[1:]).to(CUDA)
    with engine.denoiser(replace(shown, token_bias=bias, injection=picture), settings) as denoise:
        denoise.prepare([7.0, 0.1])
        denoise.start([3, 4])
        for sigma in (7.0, 0.1):
            denoise(x, torch.tensor([sigma]))
        device.crossings.clear()
        for sigma in (7.0, 0.1):
            assert denoise(x, torch.tensor([sigma])).device == CUDA
    assert len(device.crossings) == 2


@pytest.mark.parametrize("sampler", ("Euler a", "DPM++ 2M SDE"))
def test_a_batch_waits_for_nothing_and_moves_its_noise_alone(device: FakeCuda, engine: Engine, sampler: str) -> None:
    """Which is drawn on the CPU, so that a seed means the same everywhere."""
    settings = Settings(steps=3, sampler=sampler)
    conditioning = engine.condition(torch.zeros(1, 3, 64, 64), torch.zeros(1, 17, 32).to(CUDA), settings)
    with engine.denoiser(conditioning, settings) as denoise:
        jobs = [settings, settings.with_(seed=1)]
        engine.sample_seeds(denoise, jobs, SHAPE)
        device.crossings.clear()
        latents = engine.sample_seeds(denoise, jobs, SHAPE)
    assert latents.device == CUDA and latents.shape == (2, *SHAPE[1:])
    assert len(device.crossings) == 1 + 2  # to begin with, and after each step but the last

"""Different sketches in one sampling: each as if alone; on a device that is not there nothing stays on the CPU."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from lib_colorize.cli.random_networks import random_engine, random_reference_encoder
from lib_colorize.engine.batches import colorize_together
from lib_colorize.engine.engine import Engine
from lib_colorize.engine.vae_strips import decode_in_strips
from lib_colorize.method.settings import Settings
from tests.fake_device import CUDA, FakeCuda
from tests.standalone_models import VISION, write_checkpoint
from tools.gpu_check.sizes import operator_network
from training.metrics.paint_jobs import PreparedJob
from training.metrics.painter import EnginePainter

SETTINGS = Settings(steps=2, reference_guidance=3.0)


@pytest.fixture(scope="module")
def engine(module_folder: Path) -> Engine:
    return Engine.load(write_checkpoint(module_folder / "model.safetensors"), device="cpu")


def inputs(count: int) -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    return torch.rand(count, 3, 64, 64) * 2 - 1, torch.randn(count, 17, VISION.output_dim)


def pixels(picture: Tensor) -> Tensor:
    return (picture.clamp(-1, 1) + 1) * 127.5


@pytest.mark.parametrize("settings", [
    SETTINGS, SETTINGS.with_(sketch_guidance=2.0), SETTINGS.with_(reference_guidance=1.0),
    SETTINGS.with_(guidance_end=0.5)], ids=["two rows", "three rows", "one row", "a window"])
def test_each_picture_is_the_one_made_alone(engine: Engine, settings: Settings) -> None:
    drawings, tokens = inputs(3)
    jobs = [settings.with_(seed=seed) for seed in (7, 8, 7)]
    together = colorize_together(engine, drawings, tokens, jobs)
    for i, job in enumerate(jobs):
        alone = colorize_together(engine, drawings[i:i + 1], tokens[i:i + 1], [job])
        assert float((pixels(alone[0]) - pixels(together[i])).abs().max()) < 1
    assert float((pixels(together[0]) - pixels(together[2])).abs().max()) > 1  # of one seed, but another sketch


def test_a_sampler_that_takes_steps_for_the_worst_of_a_batch_is_given_one_at_a_time(engine: Engine) -> None:
    drawings, tokens = inputs(2)
    jobs = [SETTINGS.with_(sampler="DPM adaptive", reference_guidance=1.0, seed=seed) for seed in (1, 2)]
    together = colorize_together(engine, drawings, tokens, jobs)
    assert torch.equal(together[:1], colorize_together(engine, drawings[:1], tokens[:1], jobs[:1]))


def test_without_references_they_differ_by_their_sketches(engine: Engine) -> None:
    drawings, _ = inputs(2)
    made = colorize_together(engine, drawings, None, [SETTINGS, SETTINGS])
    assert made.shape == (2, 3, 64, 64) and float((pixels(made[0]) - pixels(made[1])).abs().max()) > 1


def test_a_batch_of_the_painter_stays_on_the_device() -> None:
    """Everything but the last look at the numbers, which waits for the picture itself."""
    with FakeCuda() as device, torch.no_grad():
        sizes, here = operator_network(), torch.device("cpu")
        engine = random_engine(sizes, lambda: pytest.fail("the painter has its own"), torch.bfloat16, here)
        encoder = random_reference_encoder(VISION, torch.bfloat16, here).to(torch.bfloat16)
        for network in (engine.unet, engine.sketch_encoder, engine.vae, encoder):
            device.takes(network)
        engine.device, engine.one_by_one = CUDA, False
        painter = EnginePainter(engine, encoder)
        drawings, _ = inputs(3)
        jobs = [PreparedJob(drawing[None], torch.rand(1, 3, 40, 30 + i), None, SETTINGS.with_(seed=i))
                for i, drawing in enumerate(drawings)]
        tokens = painter.tokens([job.reference for job in jobs])
        assert tokens.device == CUDA and tokens.shape == (3, 17, VISION.output_dim)
        conditioning = engine.condition(drawings, tokens, SETTINGS)
        with engine.denoiser(conditioning, SETTINGS) as denoise:
            latents = engine.sample_seeds(denoise, [job.settings for job in jobs], (1, 4, 8, 8))
        picture = decode_in_strips(engine.vae, latents[:1], torch.float16)
    assert latents.device == picture.device == CUDA and picture.shape == (1, 3, 64, 64)

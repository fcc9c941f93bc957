"""Schedules against the golden set; noise of each picture from its own seed."""

from __future__ import annotations

import pytest
import torch

from lib_colorize.engine import samplers
from lib_colorize.engine.k_diffusion_door import k_diffusion_sampling, without_waiting
from lib_colorize.engine.noise import first_noise, step_noise, step_noises
from lib_colorize.errors import ColorizeError
from lib_colorize.method.schedule import NoiseSchedule, alphas_cumprod
from tests.conftest import GOLDEN

CASE = GOLDEN.case("schedule.k_diffusion")
LEVELS = [name for name in CASE["outputs"] if name.startswith("sigmas|")]


@pytest.fixture(scope="module")
def schedule() -> NoiseSchedule:
    config = GOLDEN.index["model_config"]
    return NoiseSchedule(alphas_cumprod(config["linear_start"], config["linear_end"], config["timesteps"]))


@pytest.mark.parametrize("name", LEVELS)
def test_noise_levels_equal_the_recorded_ones(name: str, schedule: NoiseSchedule) -> None:
    _, sampler, scheduler = name.split("|")
    GOLDEN.check(CASE, name, samplers.noise_levels(sampler, scheduler, CASE["params"]["steps"], schedule).numpy())


@pytest.mark.parametrize("sampler", samplers.SAMPLERS)
@pytest.mark.parametrize("steps", (1, 2, 7))
def test_every_sampler_finds_a_known_picture(sampler: str, steps: int, schedule: NoiseSchedule) -> None:
    """With a denoiser that knows the picture, each method must end at it, whatever its order and noise."""
    picture = torch.full((1, 4, 4, 4), 0.7)
    sigmas = samplers.noise_levels(sampler, "Automatic", steps, schedule)
    x_T, generator = first_noise((1, 4, 4, 4), 3)
    noise = step_noise(sampler, x_T, sigmas, 3, generator)
    result = samplers.run_sampler(sampler, lambda x, sigma: picture, x_T, sigmas, noise)
    left = float(sigmas[-2]) if samplers.SAMPLERS[sampler].span else 0.0  # these stop at the lowest level
    assert float((result - picture).abs().max()) <= 4 * left + 1e-4


@pytest.mark.parametrize("steps", (1, 2, 5))
@pytest.mark.parametrize("sampler", [name for name, s in samplers.SAMPLERS.items() if not s.adaptive])
def test_no_sampler_asks_the_device_of_its_pictures(sampler: str, steps: int, schedule: NoiseSchedule) -> None:
    """Numbers on the meta device cannot be read at all, and combine with single numbers of the CPU alone."""
    sigmas = samplers.noise_levels(sampler, "Automatic", steps, schedule)
    asked: list[float] = []

    def denoise(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        assert sigma.device.type == "cpu" and sigma.shape == (1,)
        asked.append(float(sigma))
        return x * 0.5

    def noise(sigma: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
        return torch.zeros(2, 4, 4, 4, device="meta")

    there = samplers.run_sampler(sampler, denoise, torch.zeros(2, 4, 4, 4, device="meta"), sigmas, noise)
    assert there.shape == (2, 4, 4, 4) and there.device.type == "meta"
    expected: list[float] = []

    def here(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        expected.extend(sigma.tolist())
        return x * 0.5

    samplers.run_sampler(sampler, here, torch.randn(1, 4, 4, 4), sigmas, lambda sigma, after: torch.randn(1, 4, 4, 4))
    assert asked == expected


@pytest.mark.parametrize("sampler", ("Euler", "Heun", "LMS", "DPM2 a", "DPM++ 2S a"))
def test_without_waiting_a_sampler_gives_the_same(sampler: str, schedule: NoiseSchedule) -> None:
    sigmas = samplers.noise_levels(sampler, "Automatic", 5, schedule)
    function = getattr(k_diffusion_sampling(), samplers.SAMPLERS[sampler].function)
    x = torch.randn(2, 4, 4, 4, generator=torch.Generator().manual_seed(0))
    more = {"noise_sampler": lambda sigma, after: x} if samplers.SAMPLERS[sampler].noise else {}
    with torch.no_grad():
        both = [run(lambda x, sigma: x / (1 + sigma.view(-1, 1, 1, 1)), x, sigmas, disable=True, **more)
                for run in (function, without_waiting(function))]
    assert torch.equal(*both)


@pytest.mark.parametrize("sampler", [name for name, s in samplers.SAMPLERS.items() if s.noise])
def test_the_noise_of_a_batch_is_that_of_each_alone(sampler: str, schedule: NoiseSchedule) -> None:
    sigmas = samplers.noise_levels(sampler, "Automatic", 4, schedule)
    drawn = [first_noise((1, 4, 4, 4), seed) for seed in (5, 9)]
    together = step_noises(sampler, torch.cat([x for x, _ in drawn]), sigmas, (5, 9), [g for _, g in drawn])
    assert together is not None
    batch = torch.stack([together(sigmas[i], sigmas[i + 1]) for i in range(3)])
    for place, seed in enumerate((5, 9)):
        x_T, generator = first_noise((1, 4, 4, 4), seed)
        alone = step_noise(sampler, x_T, sigmas, seed, generator)
        assert alone is not None
        assert torch.equal(batch[:, place:place + 1], torch.stack([alone(sigmas[i], sigmas[i + 1]) for i in range(3)]))


@pytest.mark.parametrize("sampler", [name for name, s in samplers.SAMPLERS.items() if s.noise])
def test_step_noise_follows_from_the_seed_alone(sampler: str, schedule: NoiseSchedule) -> None:
    sigmas = samplers.noise_levels(sampler, "Automatic", 4, schedule)

    def draws(seed: int) -> torch.Tensor:
        x_T, generator = first_noise((1, 4, 4, 4), seed)
        noise = step_noise(sampler, x_T, sigmas, seed, generator)
        assert noise is not None
        return torch.stack([noise(sigmas[i], sigmas[i + 1]) for i in range(3)])

    first, other = draws(5), draws(6)
    torch.rand(7)
    assert torch.equal(first, draws(5))
    assert float((first - other).abs().max()) > 0.1
    assert 0.7 < float(first.std()) < 1.3


def test_unknown_names_are_refused_with_the_known_ones(schedule: NoiseSchedule) -> None:
    with pytest.raises(ColorizeError, match="DPM\\+\\+ 2M"):
        samplers.noise_levels("PLMS", "Karras", 5, schedule)
    with pytest.raises(ColorizeError, match="Polyexponential"):
        samplers.noise_levels("Euler", "Beta", 5, schedule)

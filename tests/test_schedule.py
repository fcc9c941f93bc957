"""The schedule against the authors' buffers and k-diffusion's tables; the probe on models whose answer is known."""

from __future__ import annotations

import math

import pytest
import torch

from lib_colorize.method import schedule
from lib_colorize.method.probe import probe_prediction
from lib_colorize.method.schedule import NoiseSchedule, Prediction, alphas_cumprod, denoised, sampled_alphas
from tests.conftest import golden_ids
from tests.core_models import tensor


def arguments(case):
    names = ("linear_start", "linear_end", "timesteps", "zero_snr")
    return {name: case["params"][name] for name in names if name in case["params"]}


def schedule_of(golden):
    config = golden.index["model_config"]
    return NoiseSchedule(alphas_cumprod(config["linear_start"], config["linear_end"], config["timesteps"]))


@pytest.mark.parametrize("case_id", [c for c in golden_ids("schedule.") if "k_diffusion" not in c])
def test_buffers_equal_the_authors(golden, case_id):
    case = golden.case(case_id)
    table = schedule.buffers(**arguments(case))
    assert set(table) == set(case["outputs"])
    for name, value in table.items():
        assert value.dtype == torch.float32
        golden.check(case, name, value.numpy())
    assert torch.equal(alphas_cumprod(**arguments(case)), table["alphas_cumprod"])


@pytest.mark.parametrize("case_id", golden_ids("schedule.k_diffusion"))
def test_sigma_and_t_equal_k_diffusion(golden, case_id):
    case, noise = golden.case(case_id), schedule_of(golden)
    golden.check(case, "sigmas_table", noise.sigmas.numpy())
    golden.check(case, "log_sigmas_table", noise.sigmas.log().numpy())
    golden.check(case, "sigma_to_t", noise.t_of_sigma(tensor(golden, case, "sigma")).numpy())
    golden.check(case, "t_to_sigma", noise.sigma_of_t(tensor(golden, case, "t")).numpy())


@pytest.mark.parametrize("case_id", golden_ids("unet.param"))
def test_x0_and_eps_equal_the_authors(golden, case_id):
    case, noise = golden.case(case_id), schedule_of(golden)
    x, output, t = tensor(golden, case, "x"), tensor(golden, case, "o"), torch.tensor(case["params"]["t"])
    golden.check(case, "x0_from_eps", noise.x0(x, output, t, Prediction.EPS).numpy())
    golden.check(case, "x0_from_v", noise.x0(x, output, t, Prediction.V).numpy())
    golden.check(case, "eps_from_v", noise.eps(x, output, t, Prediction.V).numpy())


@pytest.mark.parametrize("zero_snr", [False, True])
@pytest.mark.parametrize("prediction", list(Prediction))
def test_the_target_gives_back_picture_and_noise(prediction, zero_snr):
    noise = NoiseSchedule(alphas_cumprod(zero_snr=zero_snr))
    x0, eps = torch.randn(2, 5, 4, 3, 3, generator=torch.Generator().manual_seed(0))
    t = torch.tensor([0, 1, 300, 700, 998 if zero_snr else 999])  # eps says nothing about x0 at a zero SNR
    x = noise.add_noise(x0, eps, t)
    output = noise.target(x0, eps, t, prediction)
    torch.testing.assert_close(noise.x0(x, output, t, prediction), x0, rtol=0, atol=2e-3)
    torch.testing.assert_close(noise.eps(x, output, t, prediction), eps, rtol=0, atol=1e-5)


@pytest.mark.parametrize("zero_snr", [False, True])
@pytest.mark.parametrize("prediction", list(Prediction))
def test_in_k_diffusions_terms_the_picture_is_the_same_and_sigmas_are_finite(prediction, zero_snr):
    noise = NoiseSchedule(sampled_alphas(zero_snr=zero_snr))
    assert float(noise.sigmas.max()) < 4500
    x0, eps = torch.randn(2, 4, 4, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    t = torch.tensor([0, 300, 700, 990])
    sigma = noise.sigmas[t].double()
    found = denoised(x0 + sigma.view(-1, 1, 1, 1) * eps, noise.target(x0, eps, t, prediction), sigma, prediction)
    torch.testing.assert_close(found, x0, rtol=0, atol=1e-4)


@pytest.mark.parametrize("zero_snr", [False, True])
def test_fractional_steps_meet_whole_ones(zero_snr):
    noise = NoiseSchedule(alphas_cumprod(zero_snr=zero_snr))
    x0, eps = torch.randn(2, 4, 4, 3, 3, generator=torch.Generator().manual_seed(0))
    t = torch.tensor([0, 1, 500, 999])
    torch.testing.assert_close(noise.add_noise(x0, eps, t.float()), noise.add_noise(x0, eps, t), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("zero_snr", [False, True])
def test_t_and_sigma_are_inverse_and_finite(zero_snr):
    noise = NoiseSchedule(alphas_cumprod(zero_snr=zero_snr))
    t = torch.linspace(0, 998, 777)  # the last step of a zero-SNR schedule is infinite
    torch.testing.assert_close(noise.t_of_sigma(noise.sigma_of_t(t)), t, rtol=0, atol=0.02)
    ends = noise.t_of_sigma(torch.tensor([0.0, 1e-9, math.inf]))
    assert ends.tolist() == [0, 0, 999]
    torch.testing.assert_close(noise.sigma_of_t(torch.tensor(999)), noise.sigmas[-1])


# The probe. A model that knows its one picture x0 by heart answers eps = (x - sqrt(abar) x0) / sqrt(1 - abar).
SHAPE = (4, 16, 16)


def knows_one_picture(prediction, zero_snr, spread):
    noise = NoiseSchedule(alphas_cumprod(zero_snr=zero_snr))
    picture = torch.nn.functional.interpolate(
        spread * torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(5)), SHAPE[1:], mode="bicubic")

    def call(x, t):
        abar = noise.alphas_cumprod[t].view(-1, 1, 1, 1)
        eps = (x - abar.sqrt() * picture) / (1 - abar).sqrt()
        return noise.target(picture, eps, t, prediction)
    return call, noise


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("spread", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("zero_snr", [False, True])
@pytest.mark.parametrize("prediction", list(Prediction))
def test_the_probe_tells_eps_from_v(prediction, zero_snr, spread, seed):
    call, noise = knows_one_picture(prediction, zero_snr, spread)
    assert probe_prediction(call, SHAPE, generator(seed), noise) is prediction


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("prediction", list(Prediction))
def test_the_probe_forgives_an_imperfect_model(prediction, seed):
    exact, noise = knows_one_picture(prediction, False, 0.5)

    def call(x, t):
        return 0.9 * exact(x, t) + 0.3 * torch.randn(x.shape, generator=generator(99 + seed))
    assert probe_prediction(call, SHAPE, generator(seed), noise) is prediction


UNTRAINED = {
    "zero": lambda x, t: torch.zeros_like(x),
    "constant": lambda x, t: torch.ones_like(x),
    "noise of its own": lambda x, t: torch.randn(x.shape, generator=generator(7)),
    "half way": lambda x, t: 0.55 * x,
    "minus x": lambda x, t: -x,
    "nan": lambda x, t: x / 0,
    "wrong shape": lambda x, t: x[:, :2],
    "shuffled": lambda x, t: x.flip(1, 2, 3),
}


@pytest.mark.parametrize("name", UNTRAINED)
def test_the_probe_is_undecided_when_the_model_is_neither(name):
    assert probe_prediction(UNTRAINED[name], SHAPE, generator()) is None


@pytest.mark.parametrize("seed", range(5))
def test_the_probe_is_undecided_on_random_networks(seed):
    torch.manual_seed(seed)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(4, 32, 3, padding=1), torch.nn.SiLU(), torch.nn.Conv2d(32, 32, 3, padding=1), torch.nn.SiLU(),
        torch.nn.Conv2d(32, 4, 3, padding=1))
    assert probe_prediction(lambda x, t: net(x), SHAPE, generator()) is None

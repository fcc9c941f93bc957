"""The training objective gives the authors' numbers, and the trainer's draws are what the paper says."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor

from lib_colorize.method.attach import add_hints
from lib_colorize.method.schedule import NoiseSchedule, Prediction, alphas_cumprod
from tests import core_models
from tests.conftest import GOLDEN, golden_ids
from tests.golden.reader import Golden
from training.trainer.frozen_encoders import Encoded
from training.trainer.objective import (
    Objective,
    diffusion_loss,
    drop_reference,
    drop_sketch,
    noisy_tokens,
    offset_noise,
    snr_weights,
    token_change,
    token_noise_step,
)
from training.trainer.random_draws import draw_noise
from training.trainer.recipe_parts import MinSNR, TokenNoise
from training.trainer.recipes import RECIPES, recipe_of

SCHEDULE = NoiseSchedule(alphas_cumprod())


def tokens_of(golden: Golden, case: dict[str, Any], noise: str) -> Tensor:
    """The tokens that the U-Net sees in a recorded case; the authors' trainer has the released form of eq. 1."""
    params = case["params"]
    tokens = core_models.tensor(golden, case, "context")
    if params["noisy_training"]:
        drawn = core_models.tensor(golden, case, noise)
        tokens = noisy_tokens(tokens, torch.tensor(params["t"]), drawn, SCHEDULE, TokenNoise.RELEASED)
    if params["ucg_rate"] > 0:
        tokens = drop_reference(tokens, core_models.tensor(golden, case, "keep"))
    return tokens


@pytest.mark.parametrize("case_id", golden_ids("train.context."))
def test_tokens_get_the_authors_noise_and_drops(golden: Golden, case_id: str) -> None:
    case = golden.case(case_id)
    golden.check(case, "context", tokens_of(golden, case, "noise").numpy())


@pytest.mark.parametrize("case_id", golden_ids("train.loss."))
def test_loss_and_gradients_equal_the_authors(golden: Golden, case_id: str) -> None:
    case = golden.case(case_id)
    params = case["params"]
    prediction, t = Prediction(params["parameterization"]), torch.tensor(params["t"])
    x0, noise, sketch = (core_models.tensor(golden, case, name) for name in ("x0", "noise", "sketch"))
    if params["offset_noise_level"] > 0:
        noise = offset_noise(noise, core_models.tensor(golden, case, "offset_noise"), params["offset_noise_level"])
    unet = copy.deepcopy(core_models.unet(golden)).requires_grad_(True)
    sketch_encoder = copy.deepcopy(core_models.sketch_encoder(golden)).requires_grad_(True)
    with add_hints(unet, sketch_encoder(sketch)):
        output = unet(SCHEDULE.add_noise(x0, noise, t), t, tokens_of(golden, case, "context_noise"))
    loss = diffusion_loss(output, x0, noise, t, SCHEDULE, prediction, params["snr_gamma"]).mean()
    loss.backward()
    golden.check(case, "loss", loss.detach().reshape(1).numpy())
    golden.check(case, "grad_out_bias", unet.out[2].bias.grad.numpy())
    golden.check(case, "grad_zero_block3_bias", sketch_encoder.zero_blocks[3][0].bias.grad.numpy())
    found = {f"model.diffusion_model.{k}": v.grad for k, v in unet.named_parameters()}
    found |= {f"control_encoder.{k}": v.grad for k, v in sketch_encoder.named_parameters()}
    for key, norm in params["grad_norms"].items():
        assert float(found[key].norm()) == pytest.approx(norm, rel=2e-4), key


def test_the_paper_noises_tokens_more_the_noisier_the_image_and_the_release_hardly_at_the_end() -> None:
    t = torch.tensor([0, 500, 899, 900, 999])
    assert token_noise_step(t, 1000, TokenNoise.PAPER).tolist() == [0, 500, 899, 900, 999]
    assert token_noise_step(t, 1000, TokenNoise.RELEASED).tolist() == [0, 500, 899, 99, 0]


def test_eq_1_keeps_the_variance_of_unit_tokens() -> None:
    tokens, noise = torch.randn(2, 4, 4096, 8, generator=torch.Generator().manual_seed(0))
    mixed = noisy_tokens(tokens, torch.tensor([1, 300, 600, 999]), noise, SCHEDULE)
    assert mixed.var(dim=(1, 2)).tolist() == pytest.approx([1.0] * 4, abs=0.03)
    correlation = (mixed * tokens).mean((1, 2))
    assert correlation.tolist() == pytest.approx(SCHEDULE.alphas_cumprod[[1, 300, 600, 999]].sqrt().tolist(), abs=0.03)


def test_min_snr_weights_follow_the_published_and_the_released_formula() -> None:
    t = torch.tensor([0, 200, 500, 999])
    snr = SCHEDULE.alphas_cumprod[t].double() / (1 - SCHEDULE.alphas_cumprod[t].double())
    least = torch.minimum(snr, torch.tensor(5.0, dtype=torch.float64))
    expected = {
        (Prediction.EPS, MinSNR.RELEASED): least / snr, (Prediction.EPS, MinSNR.PUBLISHED): least / snr,
        (Prediction.V, MinSNR.PUBLISHED): least / (snr + 1),
        (Prediction.V, MinSNR.RELEASED): torch.minimum(snr + 1, torch.tensor(5.0, dtype=torch.float64)) / (snr + 1)}
    for (prediction, form), weights in expected.items():
        found = snr_weights(t, SCHEDULE, prediction, 5.0, form)
        assert found.tolist() == pytest.approx(weights.tolist(), rel=1e-4)


def test_zero_terminal_snr_leaves_no_picture_at_the_end_and_a_finite_v_loss() -> None:
    schedule = NoiseSchedule(alphas_cumprod(zero_snr=True))
    x0, noise = torch.randn(2, 2, 4, 4, 4, generator=torch.Generator().manual_seed(0))
    t = torch.tensor([999, 0])
    assert torch.equal(schedule.add_noise(x0, noise, t)[0], noise[0])
    assert torch.allclose(schedule.target(x0, noise, t, Prediction.V)[0], -x0[0])
    for form in MinSNR:
        loss = diffusion_loss(torch.zeros_like(x0), x0, noise, t, schedule, Prediction.V, 5.0, form)
        assert bool(loss.isfinite().all())


def test_a_stage_noises_then_drops_at_its_own_rates() -> None:
    noisy, refinement = RECIPES["v1-512"].stages
    tokens, noise = torch.randn(2, 3, 4, 8, generator=torch.Generator().manual_seed(0))
    t, keep = torch.tensor([100, 500, 900]), torch.tensor([0.05, 0.2, 0.7])
    abar = SCHEDULE.alphas_cumprod[t].view(-1, 1, 1)
    mixed = abar.sqrt() * tokens + (1 - abar).sqrt() * noise
    found = token_change(noisy, t, noise, keep, SCHEDULE)(tokens)
    assert not found[0].any() and torch.allclose(found[1:], mixed[1:])  # one in ten dropped
    found = token_change(refinement, t, noise, keep, SCHEDULE)(tokens)
    assert not found[:2].any() and torch.equal(found[2], tokens[2])  # every other one, and no noise


def test_the_loss_of_a_step_is_that_of_its_formula() -> None:
    """A model that returns what it is shown: everything that reaches it, and the target, by hand."""
    recipe = recipe_of("v1-512", ["prediction=v", "loss.offset_noise=0.1", "loss.min_snr=5"])
    draws = draw_noise(1, [0, 1, 2, 3], (4, 2, 2), (3, 5), 1000)
    mean, std, tokens = torch.ones(4, 4, 2, 2), torch.full((4, 4, 2, 2), 0.5), torch.ones(4, 3, 5)
    shown: dict[str, Tensor] = {}

    def model(x: Tensor, t: Tensor, sketch: Tensor, reference: Tensor, change: Any) -> Tensor:
        shown.update(x=x, sketch=sketch, context=change(reference))
        return torch.zeros_like(x)

    stage = recipe.stages[1]
    encoded = Encoded(torch.ones(4, 3, 16, 16), tokens, mean, std)
    losses = Objective.of(recipe).losses(model, encoded, draws, stage)
    abar = SCHEDULE.alphas_cumprod[draws.t].view(-1, 1, 1, 1)
    x0 = 1 + 0.5 * draws.posterior
    eps = draws.noise + 0.1 * draws.offset[:, :, None, None]
    assert torch.allclose(shown["x"], abar.sqrt() * x0 + (1 - abar).sqrt() * eps, atol=1e-6)
    v = abar.sqrt() * eps - (1 - abar).sqrt() * x0
    snr = (abar / (1 - abar)).flatten()
    expected = v.square().mean((1, 2, 3)) * (snr + 1).clamp(max=5) / (snr + 1)
    assert torch.allclose(losses, expected, rtol=1e-5)
    for i in range(4):
        assert bool((shown["sketch"][i] == (1 if draws.keep_sketch[i] >= 0.1 else -1)).all())
        assert bool((shown["context"][i] == (1 if draws.keep_reference[i] >= 0.5 else 0)).all())


def test_a_dropped_sketch_is_blank_paper_and_a_kept_one_untouched() -> None:
    sketch = torch.rand(2, 3, 8, 8)
    dropped = drop_sketch(sketch, torch.tensor([0.0, 1.0]))
    assert bool((dropped[0] == -1).all()) and torch.equal(dropped[1], sketch[1])


def test_the_golden_set_has_training_cases() -> None:
    assert GOLDEN.cases("train.loss.") and GOLDEN.cases("train.context.")


@pytest.mark.parametrize("power", [1.0, 2.0, 0.5])
def test_t_follows_its_power_law_and_the_rest_of_the_draws_does_not_move(power: float) -> None:
    count = 3000
    found = draw_noise(1, range(count), (1, 1, 1), (0, 0), 1000, power)
    even = draw_noise(1, range(count), (1, 1, 1), (0, 0), 1000)
    assert torch.equal(found.noise, even.noise) and int(found.t.min()) >= 0 and int(found.t.max()) <= 999
    for share in (0.25, 0.5, 0.9):  # P(t < share T) = share^power
        assert float((found.t < share * 1000).float().mean()) == pytest.approx(share**power, abs=0.03)
    if power == 1:
        assert torch.equal(found.t, even.t)

"""Which branches are asked for, and the guided prediction against the authors' denoised pictures."""

from __future__ import annotations

import pytest
import torch

from lib_colorize.method.attach import attach
from lib_colorize.method.conditioning import encode
from lib_colorize.method.guidance import Branch, as_cfg, branches, combine, guided
from lib_colorize.method.schedule import NoiseSchedule, Prediction, alphas_cumprod
from lib_colorize.method.settings import Settings
from tests.conftest import golden_ids
from tests.core_models import reference_encoder, sketch_encoder, tensor, unet

FULL, NO_REFERENCE, NO_SKETCH = Branch


@pytest.mark.parametrize("reference, sketch, has_reference, expected", [
    (1, 1, True, (FULL,)),
    (5, 1, True, (FULL, NO_REFERENCE)),
    (1, 2, True, (FULL, NO_SKETCH)),
    (1.5, 1.5, True, (FULL, NO_REFERENCE, NO_SKETCH)),
    (5, 1, False, (FULL,)),
    (5, 2, False, (FULL, NO_SKETCH)),
])
def test_a_branch_is_asked_for_only_when_its_guidance_is_on(reference, sketch, has_reference, expected):
    assert branches(Settings(reference_guidance=reference, sketch_guidance=sketch), has_reference) == expected


@pytest.mark.parametrize("reference, sketch, expected", [
    (1, 1, 7.0),
    (3, 1, 2 + 3 * (7 - 2)),
    (1, 2, 4 + 2 * (7 - 4)),
    (3, 2, ((2 + 3 * (7 - 2)) + (4 + 2 * (7 - 4))) / 2),
])
def test_combine_is_the_formula(reference, sketch, expected):
    settings = Settings(reference_guidance=reference, sketch_guidance=sketch)
    values = {FULL: 7.0, NO_REFERENCE: 2.0, NO_SKETCH: 4.0}
    given = {branch: torch.full((1, 4, 2, 2), values[branch]) for branch in branches(settings)}
    assert torch.equal(combine(given, settings), torch.full((1, 4, 2, 2), expected))


@pytest.mark.parametrize("reference", [1, 1.5, 3, 5])
@pytest.mark.parametrize("sketch", [1, 2, 7.5])
@pytest.mark.parametrize("acts", [True, False])
def test_the_form_that_hosts_compute_is_the_same_guidance(reference, sketch, acts):
    settings = Settings(reference_guidance=reference, sketch_guidance=sketch)
    predictions = dict(zip(Branch, torch.randn(3, 1, 4, 2, 2, dtype=torch.float64)))
    if not acts:  # both contexts are zero then
        predictions[NO_REFERENCE] = predictions[FULL]
    weights, scale = as_cfg(settings, acts)
    assert set(weights) == set(branches(settings, acts)) - {FULL} and FULL not in weights
    assert not weights or sum(weights.values()) == pytest.approx(1)
    expected = combine({branch: predictions[branch] for branch in branches(settings)}, settings)
    torch.testing.assert_close(guided(predictions, weights, scale), expected)


@pytest.mark.parametrize("case_id", golden_ids("cfg."))
def test_guided_denoising_equals_the_authors(golden, case_id):
    """Encoders, attach, U-Net, guidance and the reading of eps or v, all branches in one call."""
    case, config = golden.case(case_id), golden.index["model_config"]
    params = case["params"]
    settings = Settings(reference_guidance=params["gs_reference"], sketch_guidance=params["gs_sketch"])
    conditioning = encode(
        sketch_encoder(golden), tensor(golden, case, "sketch"), reference_encoder(golden),
        tensor(golden, case, "reference"), settings)
    schedule = NoiseSchedule(alphas_cumprod(config["linear_start"], config["linear_end"], config["timesteps"]))
    wanted = branches(settings)
    assert len(wanted) == params["branches"]

    x = tensor(golden, case, "noise")  # = noise * sqrt(1 + sigma^2) in k-diffusion's scaling
    t = schedule.t_of_sigma(torch.full((len(x),), params["sigma"]))
    with torch.no_grad(), attach(unet(golden), conditioning, settings) as attached:
        attached.branches = wanted
        output = unet(golden)(x.repeat(len(wanted), 1, 1, 1), t.repeat(len(wanted)))
    guided = combine(dict(zip(wanted, output.chunk(len(wanted)))), settings)
    golden.check(case, "denoised", schedule.x0(x, guided, t, Prediction(params["parameterization"])).numpy())

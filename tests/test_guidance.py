"""Which branches are asked for, and the guided prediction against the authors' denoised pictures."""

from __future__ import annotations

import pytest
import torch

from lib_colorize.method.attach import attach
from lib_colorize.method.conditioning import encode
from lib_colorize.method.guidance import Branch, Guidance
from lib_colorize.method.schedule import NoiseSchedule, Prediction, alphas_cumprod
from lib_colorize.method.settings import Settings
from lib_colorize.method.shown_tokens import shown_tokens
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
    settings = Settings(reference_guidance=reference, sketch_guidance=sketch)
    assert Guidance.of(settings, has_reference).branches == expected


@pytest.mark.parametrize("reference, sketch, expected", [
    (1, 1, 7.0),
    (3, 1, 2 + 3 * (7 - 2)),
    (1, 2, 4 + 2 * (7 - 4)),
    (3, 2, ((2 + 3 * (7 - 2)) + (4 + 2 * (7 - 4))) / 2),
])
def test_guidance_is_the_formula(reference, sketch, expected):
    guidance = Guidance.of(Settings(reference_guidance=reference, sketch_guidance=sketch))
    values = {FULL: 7.0, NO_REFERENCE: 2.0, NO_SKETCH: 4.0}
    given = {branch: torch.full((1, 4, 2, 2), values[branch]) for branch in guidance.branches}
    torch.testing.assert_close(guidance.guide(given), torch.full((1, 4, 2, 2), float(expected)))


@pytest.mark.parametrize("reference", [1, 1.5, 3, 5])
@pytest.mark.parametrize("sketch", [1, 2, 7.5])
@pytest.mark.parametrize("acts", [True, False])
def test_any_guidance_is_the_mean_of_the_expressions_of_the_method(reference, sketch, acts):
    guidance = Guidance.of(Settings(reference_guidance=reference, sketch_guidance=sketch), acts)
    predictions = dict(zip(Branch, torch.randn(3, 1, 4, 2, 2, dtype=torch.float64)))
    full = predictions[FULL]
    others = {NO_REFERENCE: predictions[NO_REFERENCE] if acts else full, NO_SKETCH: predictions[NO_SKETCH]}
    scales = {NO_REFERENCE: reference, NO_SKETCH: sketch}
    expressions = [others[branch] + scale * (full - others[branch]) for branch, scale in scales.items() if scale > 1]
    expected = sum(expressions) / len(expressions) if expressions else full
    torch.testing.assert_close(guidance.guide(predictions), expected)
    assert FULL not in guidance.weights and (not guidance.weights or sum(guidance.weights.values()) == pytest.approx(1))


@pytest.mark.parametrize("scale", [1.1, 2.3, 4.7, 5.0, 13.9, 20.0])
def test_a_guidance_alone_is_its_expression_to_the_last_bit(scale):
    full, other = torch.randn(2, 1, 4, 8, 8)
    for name, branch in (("reference_guidance", NO_REFERENCE), ("sketch_guidance", NO_SKETCH)):
        guidance = Guidance.of(Settings(**{"reference_guidance": 1.0, name: scale}))
        assert guidance.scale == scale
        assert torch.equal(guidance.guide({FULL: full, branch: other}), other + scale * (full - other))


@pytest.mark.parametrize("case_id", golden_ids("cfg."))
def test_guided_denoising_equals_the_authors(golden, case_id):
    """Encoders, attach, U-Net, guidance and the reading of eps or v, all branches in one call."""
    case, config = golden.case(case_id), golden.index["model_config"]
    params = case["params"]
    settings = Settings(reference_guidance=params["gs_reference"], sketch_guidance=params["gs_sketch"])
    tokens = shown_tokens(reference_encoder(golden)(tensor(golden, case, "reference")))
    conditioning = encode(sketch_encoder(golden), tensor(golden, case, "sketch"), tokens, settings)
    schedule = NoiseSchedule(alphas_cumprod(config["linear_start"], config["linear_end"], config["timesteps"]))
    guidance = Guidance.of(settings)
    wanted = guidance.branches
    assert len(wanted) == params["branches"]

    x = tensor(golden, case, "noise")  # = noise * sqrt(1 + sigma^2) in k-diffusion's scaling
    t = schedule.t_of_sigma(torch.full((len(x),), params["sigma"]))
    with torch.no_grad(), attach(unet(golden), conditioning, settings) as attached:
        attached.branches = wanted
        output = unet(golden)(x.repeat(len(wanted), 1, 1, 1), t.repeat(len(wanted)))
    guided = guidance.guide(dict(zip(wanted, output.chunk(len(wanted)))))
    golden.check(case, "denoised", schedule.x0(x, guided, t, Prediction(params["parameterization"])).numpy())

"""Attention injection: the authors' numbers, what is saved, and that the noise is each picture's own."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from lib_colorize.method.attach import Attachment, attach
from lib_colorize.method.conditioning import Branch, encode
from lib_colorize.method.injected_picture import InjectedPicture, NoisedPicture
from lib_colorize.method.injection import replaced_by_others
from lib_colorize.method.schedule import NoiseSchedule, alphas_cumprod
from lib_colorize.method.settings import Settings
from lib_colorize.method.shown_tokens import shown_tokens
from tests.conftest import golden_ids
from tests.core_models import reference_encoder, sketch_encoder, tensor, unet
from tests.test_attach import SIZES, T, X, build, changed, conditioning, state

FULL, NO_REFERENCE, NO_SKETCH = Branch
ON = Settings(reference_guidance=4.0, sketch_guidance=2.0, injection=1.0)
ALPHAS = alphas_cumprod()


def schedule(golden):
    config = golden.index["model_config"]
    return NoiseSchedule(alphas_cumprod(config["linear_start"], config["linear_end"], config["timesteps"]))


@pytest.mark.parametrize("case_id", golden_ids("injection."))
def test_injection_equals_the_authors(golden, case_id):
    case, model, table = golden.case(case_id), unet(golden), schedule(golden)
    params = case["params"]
    settings = ON.with_(injection_fidelity=params["style_cfg"], injection_control=params["control_cfg"],
                        injection_start=params["start_step"])
    tokens = shown_tokens(reference_encoder(golden)(tensor(golden, case, "reference")))
    shown = encode(sketch_encoder(golden), tensor(golden, case, "sketch"), tokens, settings)
    hints = [params["control_cfg"] * hint for hint in sketch_encoder(golden)(-tensor(golden, case, "hook_xr"))]
    latent = tensor(golden, case, "r_latent")
    picture = InjectedPicture(latent, torch.zeros_like(latent), tuple(hints), table.alphas_cumprod)
    draws = iter([torch.zeros_like(latent), *([tensor(golden, case, "noise")] if "noise" in case["inputs"] else [])])
    t, branches = params["t"], (FULL, NO_REFERENCE, NO_SKETCH)[:params["branches"]]
    assert [i for i, branch in enumerate(branches) if branch is NO_REFERENCE] == params["gr_indice"]
    with torch.no_grad(), attach(model, replace(shown, injection=picture), settings) as attached:
        model.forward.noised.draw_from([lambda: next(draws)])
        attached.branches, attached.progress = branches, 1 - t / (len(table.sigmas) - 1)
        x = tensor(golden, case, "x").repeat(len(branches), 1, 1, 1)
        golden.check(case, "out", model(x, torch.full((len(x),), t)).numpy())
    assert next(draws, None) is None


# A small U-Net of ldm's with random weights


@pytest.fixture(scope="module")
def small():
    return build()


def given(pictures=1, control=False, seed=2):
    generator = torch.Generator().manual_seed(seed + 40)
    hints = tuple(torch.randn(1, 32, s, s, generator=generator) for s in SIZES) if control else None
    mean, std = torch.randn(1, 4, 8, 8, generator=generator), 0.1 * torch.rand(1, 4, 8, 8, generator=generator)
    return replace(conditioning(pictures, seed=seed), injection=InjectedPicture(mean, std, hints, ALPHAS))


def run(model, shown, settings=ON, branches=(FULL, NO_REFERENCE, NO_SKETCH), seeds=(5, 6), x=X, t=T, steps=1,
        progress=0.0):
    attachment = Attachment(model, shown, settings)
    attachment.injection.start(seeds)
    with torch.no_grad(), attachment.applied() as attached:
        attached.branches, attached.progress = branches, progress
        return [model(x, t) for _ in range(steps)][-1]


def partly_over(own, kept, weight):
    """A self-attention, and the same over a longer context."""
    return lambda x, *_, **__: (1 - weight) * own(x) + weight * own(x, context=torch.cat([x, kept], 1))


def by_hand(model, shown, settings, rows, x, t, noised):
    """Two calls in the open: ldm's own attention over a longer context, for each row alone."""
    attentions = [module.attn1 for module in model.modules() if hasattr(module, "attn1")]
    kept, out = {}, []
    plain = replace(shown, injection=None)
    for row, (branch, latent) in enumerate(rows):
        written = noised[latent:latent + 1]
        hints = shown.injection.hints or [torch.zeros_like(hint[:1]) for hint in shown.hints]
        other = replace(plain, hints=tuple(hints))
        kept.clear()
        hooks = [attn.register_forward_pre_hook(lambda m, args: kept.update({m: args[0]})) for attn in attentions]
        with attach(model, other, settings) as attached:
            attached.branches = (NO_REFERENCE if branch is NO_REFERENCE else FULL,) * 2
            model(written.repeat(2, 1, 1, 1), t[row].repeat(2))
        for hook in hooks:
            hook.remove()
        weight = settings.injection * (1 - settings.injection_fidelity if branch is NO_REFERENCE else 1)
        for attn in attentions:
            attn.forward = partly_over(attn.forward, kept[attn], weight)
        with attach(model, plain, settings) as attached:
            attached.branches = (branch,) * 2
            out.append(model(x[row].repeat(2, 1, 1, 1), t[row].repeat(2))[:1])
        for attn in attentions:
            del attn.forward
    return torch.cat(out)


@pytest.mark.parametrize("strength", [1.0, 0.4])
@pytest.mark.parametrize("fidelity", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("control", [False, True])
def test_every_row_is_two_passes_of_its_own(small, strength, fidelity, control):
    shown, settings = given(control=control), ON.with_(injection=strength, injection_fidelity=fidelity)
    same_t = torch.full((6,), 500)
    noised = NoisedPicture(shown.injection)
    noised.start((5, 6))
    rows = [(branch, latent) for branch in Branch for latent in (0, 1)]
    with torch.no_grad():
        expected = by_hand(small, shown, settings, rows, X, same_t, noised.at(torch.tensor(500.0), []))
    found = run(small, shown, settings, t=same_t)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("fidelity, written", [(0.5, 4), (1.0, 2), (0.0, 4)])
def test_rows_that_write_the_same_are_written_once(small, fidelity, written):
    calls = []
    hook = small.input_blocks[0].register_forward_pre_hook(lambda m, args: calls.append(len(args[0])))
    run(small, given(), ON.with_(injection_fidelity=fidelity))
    hook.remove()
    assert calls == [written, 6]


def test_before_its_start_a_call_is_the_plain_one(small):
    shown, late = given(), ON.with_(injection_start=0.5)
    attachment = Attachment(small, replace(shown, injection=None), late)
    with torch.no_grad(), attachment.applied() as attached:
        attached.branches = (FULL, NO_REFERENCE, NO_SKETCH)
        expected = small(X, T)
    assert torch.equal(run(small, shown, late, progress=0.4), expected)
    assert (run(small, shown, late, progress=0.5) - expected).abs().max() > 1e-3


def test_a_little_injection_is_little(small):
    shown = given()
    plain = run(small, shown, ON.with_(injection_start=1.0))
    far = [float((run(small, shown, ON.with_(injection=s)) - plain).norm()) for s in (0.001, 0.1, 0.5, 1.0)]
    assert far == sorted(far) and far[0] < 0.01 * far[-1]


def test_the_noise_is_the_pictures_own(small):
    """Alone or in a batch, at the first step or the third; another seed has another."""
    shown = given()
    t = torch.full((6,), 500)
    for steps in (1, 3):
        both = run(small, shown, steps=steps, t=t)
        for i, seed in enumerate((5, 6)):
            alone = run(small, shown, seeds=(seed,), x=X[i::2], t=t[:3], steps=steps)
            torch.testing.assert_close(both[i::2], alone, rtol=1e-4, atol=1e-5)
    assert (run(small, shown, seeds=(7, 6), t=t) - run(small, shown, t=t))[1::2].abs().max() < 1e-5
    assert (run(small, shown, seeds=(7, 6), t=t) - run(small, shown, t=t))[::2].abs().max() > 1e-4


def test_rows_of_a_step_in_several_calls_have_one_noise_and_the_next_step_another(small):
    shown, t = given(), torch.full((6,), 500)
    together = [run(small, shown, t=t, steps=steps) for steps in (1, 2)]
    attachment = Attachment(small, shown, ON)
    attachment.injection.start((5, 6))
    order = [(branch, latent) for branch in Branch for latent in (0, 1)]
    with torch.no_grad(), attachment.applied() as attached:
        for expected in together:
            found = {}
            for part in ((0, 3), (5, 2), (4, 1)):  # two kinds each: a norm wants two values
                attached.assigned = tuple((order[row][0], 0) for row in part)
                attached.latents = tuple(order[row][1] for row in part)
                for row, out in zip(part, small(X[list(part)], t[:2])):
                    found[row] = out
            torch.testing.assert_close(torch.stack([found[row] for row in range(6)]), expected, rtol=1e-4, atol=1e-5)
    assert (together[0] - together[1]).abs().max() > 1e-4


def test_no_noise_is_that_which_the_picture_starts_from():
    picture = given().injection
    noised = NoisedPicture(replace(picture, std=torch.ones_like(picture.std)))
    noised.start((5,))
    first = torch.randn(picture.mean.shape, generator=torch.Generator().manual_seed(5))
    latent = noised.at(torch.tensor(0), [])  # hardly any noise at t = 0
    assert ((latent - picture.mean) - first).abs().max() > 0.5


def test_the_step_is_rounded_to_the_nearest_halves_to_even():
    picture = given().injection
    for t, k in ((250.0, 250), (250.4, 250), (500.5, 500), (501.5, 502), (998.9, 999)):
        noised = NoisedPicture(replace(picture, std=torch.zeros_like(picture.std)))
        noised.draw_from([lambda: torch.ones(1, 4, 8, 8)])
        expected = ALPHAS[k].sqrt() * picture.mean + (1 - ALPHAS[k]).sqrt()
        torch.testing.assert_close(noised.at(torch.tensor(t), []), expected)


def test_several_pictures_are_injected_into_each(small):
    """Two sketches in one batch."""
    shown = given(pictures=2)
    t = torch.full((6,), 500)
    both = run(small, shown, t=t)
    for i, seed in enumerate((5, 6)):
        of_one = replace(shown, hints=tuple(hint[i:i + 1] for hint in shown.hints), tokens=shown.tokens[i:i + 1])
        alone = run(small, of_one, seeds=(seed,), x=X[i::2], t=t[:3])
        torch.testing.assert_close(both[i::2], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("leave", [None, RuntimeError, KeyboardInterrupt])
def test_nothing_is_left_behind_however_a_call_ends(small, leave):
    before, shown = state(small), given(control=True)
    attachment = Attachment(small, shown, ON)
    attachment.injection.start((5, 6))
    calls = []

    def fail(module, args):
        calls.append(module)
        if leave and len(calls) == 2:  # in the reading pass
            raise leave

    with torch.no_grad():
        hook = small.output_blocks[3].register_forward_pre_hook(fail)
        try:
            with attachment.applied() as attached:
                attached.branches = (FULL, NO_REFERENCE, NO_SKETCH)
                small(X, T)
        except BaseException as error:
            assert leave and isinstance(error, leave)
        hook.remove()
    assert len(calls) == 2 and changed(small, before) == []
    assert attached.reading is False and attached.branches == (FULL, NO_REFERENCE, NO_SKETCH)
    assert not any(attention._kept for attention in attachment.injection.attentions)


def test_what_another_extension_adds_to_the_sketch_is_not_in_the_writing_pass(small):
    seen = []
    own = small.forward

    def forward(x, timesteps=None, context=None, control=None, **kwargs):
        seen.append((len(x), control))
        return own(x, timesteps, context, **kwargs)

    small.forward = forward
    rows = []
    hook = small.input_blocks[0].register_forward_pre_hook(lambda module, args: rows.append(len(args[0])))
    try:
        attachment = Attachment(small, given(), ON)
        attachment.injection.start((5, 6))
        with torch.no_grad(), attachment.applied() as attached:
            attached.branches = (FULL, NO_REFERENCE, NO_SKETCH)
            assert replaced_by_others(small)
            small(X, T, context=torch.zeros(6, 7, 24), control="theirs")
    finally:
        del small.forward
        hook.remove()
    assert seen == [(6, "theirs")] and rows == [4, 6]
    assert not replaced_by_others(small)
    with attachment.applied():
        assert not replaced_by_others(small)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(small, dtype):
    want = run(small, given(control=True))
    with torch.autocast("cpu", dtype):
        mixed = run(small, given(control=True))
    assert (mixed.float() - want).norm() / want.norm() < 0.05

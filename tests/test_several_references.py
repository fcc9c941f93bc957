"""Several references on a whole U-Net: with guidance, batches and half precision, and one is what one always was."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from lib_colorize.errors import ColorizeError
from lib_colorize.method.attach import Attachment, attach
from lib_colorize.method.conditioning import Branch, Conditioning
from lib_colorize.method.injected_attention import InjectedAttention, RowGroup
from lib_colorize.method.injected_picture import InjectedPicture
from lib_colorize.method.schedule import alphas_cumprod
from lib_colorize.method.settings import Settings
from lib_colorize.method.spatial_transformer import Attention
from lib_colorize.method.token_bias import TokenBias, areas_of, bias_between
from tests.test_attach import PLAIN, SIZES, T, X, build

FULL, NO_REFERENCE, NO_SKETCH = Branch
LEFT = torch.zeros(1, 1, 64, 64)
LEFT[..., :32] = 1
LATENT = (8, 8)
INJECT = Settings(injection=1.0)


@pytest.fixture(scope="module")
def small():
    return build()


def tokens(seed, count=7, pictures=1):
    return torch.randn(pictures, count, 24, generator=torch.Generator().manual_seed(seed))


HINTS = tuple(torch.randn(1, 32, s, s, generator=torch.Generator().manual_seed(9)) for s in SIZES)
ONE, OTHER = tokens(1), tokens(2, 5)


def shown(*references, blank=True):
    """references: (tokens, weight, region)."""
    parts, weights, regions = zip(*references)
    bias = bias_between([part.shape[1] for part in parts], weights, areas_of(regions, LATENT))
    return Conditioning(torch.cat(parts, 1), HINTS, HINTS if blank else None, token_bias=bias)


def run(model, given, branches=(FULL,), settings=PLAIN, x=X, t=T):
    with torch.no_grad(), attach(model, given, settings) as attached:
        attached.branches = branches
        return model(x, t)


def test_one_reference_is_bit_for_bit_what_it_was(small):
    for weight in (1.0, 0.3):
        assert torch.equal(run(small, shown((ONE, weight, None))), run(small, Conditioning(ONE, HINTS, HINTS)))


def test_a_reference_that_is_there_twice_is_what_it_is_alone(small):
    """Whatever the weights, and in every half of the picture."""
    alone = run(small, shown((ONE, 1.0, None)))
    for pair in ([(ONE, 0.2, None), (ONE, 1.7, None)], [(ONE, 1.0, LEFT), (ONE, 1.0, None)],
                 [(ONE, 1.0, LEFT), (ONE, 0.4, 1 - LEFT)]):
        torch.testing.assert_close(run(small, shown(*pair)), alone, rtol=1e-4, atol=1e-5)
    assert (run(small, shown((ONE, 1.0, None), (OTHER, 1.0, None))) - alone).abs().max() > 1e-3


def test_a_region_over_everything_leaves_its_reference_alone(small):
    whole = torch.ones_like(LEFT)
    found = run(small, shown((ONE, 1.0, None), (OTHER, 1.0, whole)))
    torch.testing.assert_close(found, run(small, shown((OTHER, 1.0, None))), rtol=1e-4, atol=1e-5)


def test_where_no_reference_acts_it_is_as_without_one(small):
    nowhere = torch.zeros_like(LEFT)
    found = run(small, shown((ONE, 1.0, nowhere), (OTHER, 1.0, nowhere)))
    torch.testing.assert_close(found, run(small, Conditioning(None, HINTS)), rtol=1e-4, atol=1e-5)


def test_weights_of_every_block_and_scales_go_together(small):
    strengths = PLAIN.with_(block_strengths=tuple(0.1 * i for i in range(16)))
    pair = shown((ONE, 0.5, LEFT), (ONE, 1.0, 1 - LEFT))
    torch.testing.assert_close(run(small, pair, settings=strengths), run(small, shown((ONE, 1.0, None)),
                               settings=strengths), rtol=1e-4, atol=1e-5)


def test_branches_are_the_same_alone_and_in_company(small):
    given = shown((ONE, 1.0, LEFT), (OTHER, 2.0, None))
    together = run(small, given, tuple(Branch), x=X[:2].repeat(3, 1, 1, 1), t=T[:2].repeat(3)).chunk(3)
    for branch, rows in zip(Branch, together):
        torch.testing.assert_close(run(small, given, (branch,), x=X[:2], t=T[:2]), rows, rtol=1e-4, atol=1e-5)
    without = run(small, Conditioning(None, HINTS), x=X[:2], t=T[:2])
    torch.testing.assert_close(together[1], without, rtol=1e-4, atol=1e-5)


def test_each_picture_of_a_batch_has_its_own_regions(small):
    sides = [LEFT, 1 - LEFT]
    both = shown((ONE, 1.0, torch.cat(sides)), (OTHER, 1.0, None))
    assert both.pictures == 2
    found = run(small, both, (FULL, NO_REFERENCE, NO_SKETCH))
    for i, side in enumerate(sides):
        alone = run(small, shown((ONE, 1.0, side), (OTHER, 1.0, None)), (FULL, NO_REFERENCE, NO_SKETCH), x=X[i::2],
                    t=T[i::2])
        torch.testing.assert_close(found[i::2], alone, rtol=1e-4, atol=1e-5)
    with pytest.raises(ColorizeError, match="2 and 3 pictures at once"):
        _ = replace(both, hints=tuple(hint.repeat(3, 1, 1, 1) for hint in HINTS)).pictures


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(small, dtype):
    given = shown((ONE, 1.0, LEFT), (OTHER, 0.5, LEFT.roll(16, -1)))  # the last quarter is nobody's
    want = run(small, given, (FULL, NO_REFERENCE))
    with torch.autocast("cpu", dtype):
        mixed = run(small, given, (FULL, NO_REFERENCE))
    assert (mixed.float() - want).norm() / want.norm() < 0.05


def test_what_a_captured_step_needs_is_made_beforehand_and_is_its_own(small):
    given = shown((ONE, 1.0, LEFT), (OTHER, 0.5, None))
    like = torch.empty(1, 2, 2, 2)
    one, again = (Attachment(small, given, PLAIN) for _ in range(2))
    plain = Attachment(small, Conditioning(given.tokens, HINTS, HINTS), PLAIN)
    made = one.constants(2, like)
    assert len(made) == len(plain.constants(2, like)) + 4  # 64, 16, 4 and 1 places
    assert given.token_bias is not None
    kept = {id(part) for part in made}
    with torch.no_grad(), one.applied() as attached:
        attached.branches = (FULL, FULL)
        small(X[:2], T[:2])
    assert {id(part) for part in one.constants(2, like)} == kept
    for mine, other in zip(made, again.constants(2, like)):
        assert torch.equal(mine, other)
    masks = [part for part in made if part.shape[-1] == 12]
    assert len(masks) == 4 and not kept & {id(part) for part in again.constants(2, like) if part.shape[-1] == 12}


def test_settings_windows_take_all_references_off(small):
    given, shut = shown((ONE, 1.0, LEFT), (OTHER, 0.5, None)), Settings(reference_guidance=1.0, guidance_end=0.5)
    with torch.no_grad(), attach(small, given, shut) as attached:
        attached.branches, attached.progress = (FULL,), 0.9
        found = small(X, T)
    torch.testing.assert_close(found, run(small, Conditioning(None, HINTS)), rtol=1e-4, atol=1e-5)


def test_a_bias_knows_its_weights_alone_without_regions():
    bias = bias_between((7, 5), (1.0, 3.0), None)
    assert isinstance(bias, TokenBias) and bias.pictures == 1
    assert bias.at(64, (0,), X)[0].shape == (1, 1, 1, 12)


# With injection, of the first of them


def injected(shown_pair, hints=None):
    generator = torch.Generator().manual_seed(77)
    mean, std = (torch.randn(1, 4, 8, 8, generator=generator) for _ in range(2))
    return replace(shown_pair, injection=InjectedPicture(mean, std.abs(), hints, alphas_cumprod()))


def run_injected(model, given, branches=(FULL, NO_REFERENCE), x=X, t=T):
    attachment = Attachment(model, given, INJECT)
    if attachment.injection is not None:
        attachment.injection.start((3, 4, 5))
    with torch.no_grad(), attachment.applied() as attached:
        attached.branches = branches
        return model(x, t)


def test_injected_is_the_first_reference_where_it_acts(small):
    whole = torch.ones_like(LEFT)
    alone = run_injected(small, injected(shown((ONE, 1.0, None))))
    everywhere = run_injected(small, injected(shown((ONE, 1.0, whole), (ONE, 0.5, LEFT))))
    torch.testing.assert_close(everywhere, alone, rtol=1e-4, atol=1e-5)
    nowhere = run_injected(small, injected(shown((ONE, 1.0, None), (ONE, 0.5, whole))))
    torch.testing.assert_close(nowhere, run_injected(small, shown((ONE, 1.0, None))), rtol=1e-4, atol=1e-5)
    assert (alone - nowhere).abs().max() > 1e-3


def test_the_injected_picture_is_shown_its_own_tokens_alone(small):
    """So that what is written does not depend on the other references."""
    kept = []
    for other in (OTHER, tokens(8, 3)):
        attachment = Attachment(small, injected(shown((ONE, 1.0, LEFT), (other, 5.0, None))), INJECT)
        attachment.injection.start((3, 4, 5))
        last = attachment.injection.attentions[-1]
        last.forget = lambda: None
        with torch.no_grad(), attachment.applied() as attached:
            attached.branches = (FULL, NO_REFERENCE)
            small(X, T)
        kept.append(last._kept)
    assert all(torch.equal(one, two) for one, two in zip(*kept))


def test_each_place_is_injected_as_much_as_the_first_reference_acts_there():
    torch.manual_seed(5)
    attn = Attention(16, 2).requires_grad_(False)
    bias = TokenBias((7, 5), (1.0, 1.0), areas_of([LEFT, None], LATENT))
    plain, mixed = InjectedAttention(attn), InjectedAttention(attn, bias)
    written, x = torch.randn(2, 64, 16), torch.randn(2, 64, 16)
    group = RowGroup(range(2), 1.0, (1, 0), (0, 0))
    found = []
    for attention in (plain, mixed):
        attention.writing = True
        attention(written)
        attention.writing, attention.groups = False, (group,)
        found.append(attention(x).view(2, 8, 8, 16))
    torch.testing.assert_close(found[1][:, :, :4], found[0][:, :, :4])
    torch.testing.assert_close(found[1][:, :, 4:], attn(x).view(2, 8, 8, 16)[:, :, 4:])

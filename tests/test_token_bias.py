"""Several references in one attention: weights and regions against softmax written out."""

from __future__ import annotations

import pytest
import torch

from lib_colorize.method.hint_hook import Misfit
from lib_colorize.method.token_bias import TokenBias, areas_of, bias_between

GENERATOR = torch.Generator().manual_seed(0)
COUNTS, SIZE = (3, 5), (4, 8)
Q, K, V = (torch.randn(2, 3, n, 8, generator=GENERATOR, dtype=torch.float64) for n in (32, 8, 8))
LEFT = torch.zeros(1, 1, 64, 128)
LEFT[..., :64] = 1


def attend(bias: TokenBias, places: int = 32) -> torch.Tensor:
    mask, share = bias.at(places, (0, 0), Q)
    out = torch.nn.functional.scaled_dot_product_attention(Q, K, V, attn_mask=mask)
    return out if share is None else out * share[:, None]


def by_hand(amounts: torch.Tensor) -> torch.Tensor:
    """amounts: [n, N], how often each token counts."""
    weights = (Q @ K.transpose(-1, -2) / 8**0.5).exp() * amounts
    return weights @ V / weights.sum(-1, keepdim=True)


def test_a_reference_of_twice_the_weight_counts_as_if_it_were_there_twice() -> None:
    found = attend(TokenBias(COUNTS, (1.0, 2.0)))
    k, v = (torch.cat([x, x[:, :, 3:]], 2) for x in (K, V))
    torch.testing.assert_close(found, torch.nn.functional.scaled_dot_product_attention(Q, k, v))


def test_weights_act_against_one_another_alone() -> None:
    assert bias_between(COUNTS, (1.0, 1.0), None) is None and bias_between(COUNTS, (0.3, 0.3), None) is None
    assert bias_between(COUNTS, (0.3, 0.4), None) is not None
    torch.testing.assert_close(attend(TokenBias(COUNTS, (0.5, 1.5))), attend(TokenBias(COUNTS, (1.0, 3.0))))


def test_each_position_attends_to_the_reference_whose_region_it_is_in() -> None:
    areas = areas_of([LEFT, 1 - LEFT], SIZE)  # of 4 x 8 places
    assert areas is not None
    found = attend(TokenBias(COUNTS, (1.0, 0.2), areas)).view(2, 3, 4, 8, 8)
    for half, tokens in ((slice(0, 4), slice(0, 3)), (slice(4, 8), slice(3, 8))):
        alone = torch.nn.functional.scaled_dot_product_attention(Q, K[:, :, tokens], V[:, :, tokens])
        torch.testing.assert_close(found[:, :, :, half], alone.view(2, 3, 4, 8, 8)[:, :, :, half])


def test_a_reference_without_region_acts_where_no_region_is() -> None:
    areas = areas_of([None, LEFT], SIZE)
    assert areas is not None
    assert torch.equal(areas[:, 0], 1 - areas[:, 1]) and bool((areas[:, 2] == 1).all())
    one, other = (attend(TokenBias(COUNTS, (1.0, 1.0), areas_of(regions, SIZE)))
                  for regions in ([None, LEFT], [1 - LEFT, LEFT]))
    assert torch.equal(one, other)


def test_a_white_region_acts_everywhere_with_the_others() -> None:
    found = attend(TokenBias(COUNTS, (1.0, 1.0), areas_of([torch.ones_like(LEFT), LEFT], SIZE))).view(2, 3, 4, 8, 8)
    amounts = torch.ones(4, 8, 8, dtype=torch.float64)
    amounts[:, 4:, 3:] = 0
    torch.testing.assert_close(found, by_hand(amounts.view(32, 8)).view(2, 3, 4, 8, 8))


def test_a_position_half_in_a_region_takes_its_reference_half() -> None:
    areas = areas_of([None, LEFT], SIZE)
    assert areas is not None
    bias = TokenBias(COUNTS, (1.0, 1.0), areas)
    mask, _ = bias.at(2, (0,), Q)  # 1 x 2 places of the level two below
    assert torch.equal(mask[0, 0].exp(), torch.tensor([[0.0] * 3 + [1.0] * 5, [1.0] * 3 + [0.0] * 5]).double())
    narrow = torch.zeros(1, 1, 64, 128)
    narrow[..., :80] = 1  # 2.5 of 4 columns one level below
    mask, _ = TokenBias(COUNTS, (1.0, 1.0), areas_of([None, narrow], SIZE)).at(8, (0,), Q)
    torch.testing.assert_close(mask[0, 0, 2].exp(), torch.full((8,), 0.5, dtype=torch.float64))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_where_no_reference_acts_nothing_is_added_and_all_is_a_number(dtype: torch.dtype) -> None:
    nearly = torch.zeros(1, 1, 64, 128)
    nearly[..., :72] = 0.5  # grey: half of it; and half of the next place
    bias = TokenBias(COUNTS, (1.0, 1.0), areas_of([nearly, nearly.roll(8, -1) * LEFT], SIZE))
    q, k, v = (x.to(dtype) for x in (Q, K, V))
    mask, share = bias.at(32, (0,), q)
    assert share is not None and mask.dtype == share.dtype == dtype
    far, _ = TokenBias((512, 5), (1.0, 1.0), areas_of([LEFT, 1 - LEFT], SIZE)).at(32, (0,), q)
    assert bool(mask.isfinite().all() and far.isfinite().all())  # a kernel may meet whole blocks of absent tokens
    assert bool((far.float().exp() == 0).any())
    out = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask) * share[:, None]
    out = out.view(2, 3, 4, 8, 8)
    assert bool(out.isfinite().all()) and not bool(out[:, :, :, 5:].any())
    assert bool((share.view(4, 8)[:, :4] == 0.5).all()) and bool((share.view(4, 8)[:, 4] == 0.25).all())


def test_each_picture_of_a_batch_has_its_own_regions() -> None:
    bias = TokenBias(COUNTS, (1.0, 1.0), areas_of([torch.cat([LEFT, 1 - LEFT]), None], SIZE))
    assert bias.pictures == 2
    mask, _ = bias.at(32, (1, 0, 1), Q)
    swapped, _ = bias.at(32, (0, 1, 0), Q)
    assert mask.shape == (3, 1, 32, 8) and torch.equal(mask[[1, 0, 1]], swapped)
    assert bias.at(32, (1, 0, 1), Q)[0] is mask  # made once


def test_a_canvas_of_odd_sides_has_all_its_levels() -> None:
    """Each halving of the U-Net rounds up."""
    bias = TokenBias(COUNTS, (1.0, 1.0), areas_of([None, torch.ones(1, 1, 72, 56)], (9, 7)))
    for places in (9 * 7, 5 * 4, 3 * 2, 2 * 1):
        assert bias.at(places, (0,), Q)[0].shape == (1, 1, places, 8)
    with pytest.raises(Misfit, match="7x9 latent pixels do not fit a feature map of 64 places"):
        bias.at(64, (0,), Q)

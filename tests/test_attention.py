"""Cross-attention over own tokens: equal to ldm's on the same context, and idle where there is nothing to do."""

from __future__ import annotations

import pytest
import torch
from ldm.modules.attention import BasicTransformerBlock, CrossAttention, SpatialTransformer

from lib_colorize.errors import ColorizeError
from lib_colorize.method.attention import TokenAttention
from tests.conftest import golden_ids
from tests.core_models import tensor, weights


@pytest.fixture
def attn():
    torch.manual_seed(3)
    return CrossAttention(query_dim=24, context_dim=40, heads=3, dim_head=8).eval().requires_grad_(False)


@pytest.fixture
def tokens():
    return torch.randn(2, 11, 40, generator=torch.Generator().manual_seed(4))


X = torch.randn(4, 6, 24, generator=torch.Generator().manual_seed(5))


def rows(*pairs):
    """reference_rows of a call whose row `a` has picture `b`."""
    return lambda count: ([row for row, _ in pairs], [picture for _, picture in pairs])


class Count:
    """Counts the calls and rows of a module while it lives."""

    def __init__(self, module):
        self.rows = []
        module.register_forward_hook(lambda m, args, out: self.rows.append(len(args[0])))


def native(attn, x, context, scale):
    """ldm's own attention with the scale before its output projection."""
    hook = attn.to_out[0].register_forward_pre_hook(lambda m, args: (args[0] * scale,))
    out = attn(x, context=context)
    hook.remove()
    return out


@pytest.mark.parametrize("scale", [1.0, 0.4, 1.7])
@pytest.mark.parametrize("pairs", [
    ((0, 0), (1, 1), (2, 0), (3, 1)), ((0, 0), (1, 1)), ((0, 1), (2, 0)), ((1, 1),), ((0, 0), (1, 0), (3, 1)),
    ((2, 0), (0, 1)),
])
def test_rows_equal_ldm_with_their_own_tokens_or_zeros(attn, tokens, pairs, scale):
    context = torch.zeros(4, 11, 40)
    for row, picture in pairs:
        context[row] = tokens[picture]
    out = TokenAttention(attn, tokens, scale, rows(*pairs))(X, context=torch.full((4, 77, 40), 9.0))
    torch.testing.assert_close(out, native(attn, X, context, scale), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("pairs", [
    ((0, 0), (1, 1), (2, 0), (3, 1)), ((0, 0), (1, 1)), ((1, 0), (2, 1)), ((3, 1),), ((0, 0), (2, 1)), ()])
@pytest.mark.parametrize("gradient", [False, True])
def test_added_to_the_state_rows_are_the_same_and_only_those_with_a_reference_are_normed(attn, tokens, pairs, gradient):
    norm = torch.nn.LayerNorm(24)
    normed, attention = Count(norm), TokenAttention(attn, tokens, 0.7, rows(*pairs))
    with torch.set_grad_enabled(gradient):
        found = attention.added_to(X, norm)
    side_by_side = [row for row, _ in pairs] != [0, 2]
    assert sum(normed.rows) == (len(pairs) if side_by_side and not gradient else 4 if pairs else 0)
    torch.testing.assert_close(found, X + attention(norm(X)), rtol=1e-5, atol=1e-6)


def test_one_set_of_tokens_serves_every_row(attn, tokens):
    out = TokenAttention(attn, tokens[:1], 1.0, rows((0, 0), (1, 1), (2, 2), (3, 3)))(X)
    torch.testing.assert_close(out, attn(X, tokens[:1].expand(4, -1, -1)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", ["scale 0", "no tokens", "no rows"])
def test_no_attention_gives_the_bias_exactly_and_computes_nothing(attn, tokens, case):
    counts = [Count(module) for module in (attn.to_q, attn.to_k, attn.to_v)]
    forward = TokenAttention(
        attn, None if case == "no tokens" else tokens, 0.0 if case == "scale 0" else 1.0,
        rows() if case == "no rows" else rows((0, 0), (1, 1)))
    assert torch.equal(forward(X), attn.to_out[0].bias.expand(4, 6, 24))
    assert not any(count.rows for count in counts)


def test_keys_and_values_are_computed_once_and_queries_for_reference_rows_alone(attn, tokens):
    q, k, v = (Count(module) for module in (attn.to_q, attn.to_k, attn.to_v))
    forward = TokenAttention(attn, tokens, 1.0, rows((0, 0), (1, 1)))
    for _ in range(5):
        forward(X)
    assert (q.rows, k.rows, v.rows) == ([2] * 5, [2], [2])


def test_it_follows_the_dtype_of_the_network(attn, tokens):
    forward = TokenAttention(attn, tokens, 1.0, rows((0, 0), (1, 1)))
    want = forward(X)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = forward(X)
    attn.to(torch.bfloat16)
    low = forward(X.to(torch.bfloat16))
    assert mixed.dtype == low.dtype == torch.bfloat16
    for got in (mixed, low):
        assert (got.float() - want).norm() / want.norm() < 0.02


def test_kept_keys_serve_inference_mode_and_no_grad(attn, tokens):
    forward = TokenAttention(attn, tokens, 1.0, rows((0, 0), (1, 1)))
    with torch.inference_mode():
        first = forward(X)
    with torch.no_grad():
        assert torch.equal(forward(X), first)


def test_tokens_of_another_width_are_an_error(attn):
    with pytest.raises(ColorizeError, match="32 wide, the U-Net takes 40"):
        TokenAttention(attn, torch.zeros(1, 5, 32), 1.0, rows())


# The authors' single layers


def load(golden, case, module):
    prefix = case["params"]["state_dict_prefix"]
    part = {key[len(prefix):]: value for key, value in weights(golden).items() if key.startswith(prefix)}
    module.load_state_dict(part, strict=True)
    return module.eval()


@pytest.mark.parametrize("case_id", golden_ids("module.transformer"))
def test_a_transformer_block_equals_the_authors(golden, case_id):
    case, config = golden.case(case_id), golden.index["model_config"]["unet"]
    x = tensor(golden, case, "x")
    width, head = x.shape[-1 if x.ndim == 3 else 1], config["num_head_channels"]
    arguments = (width, width // head, head)
    if x.ndim == 3:
        module = BasicTransformerBlock(*arguments, context_dim=config["context_dim"], checkpoint=False)
        block = load(golden, case, module)
    else:
        module = SpatialTransformer(*arguments, context_dim=config["context_dim"], use_checkpoint=False)
        block = load(golden, case, module).transformer_blocks[0]
    context = torch.cat([tensor(golden, case, f"context{i}") for i in range(len(x))])
    block.attn2.forward = TokenAttention(block.attn2, context, 1.0, lambda count: (range(count), range(count)))
    with torch.no_grad():
        golden.check(case, "y", module(x).numpy())

"""Our U-Net against `ldm`'s class: the same keys, numbers and gradients, plain and under `attach`."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lib_colorize.errors import ColorizeError
from lib_colorize.method.attach import add_hints, attach
from lib_colorize.method.conditioning import Conditioning
from lib_colorize.method.guidance import Branch
from lib_colorize.method.hint_hook import Misfit
from lib_colorize.method.network_config import UNetConfig
from lib_colorize.method.settings import Settings
from lib_colorize.method.spatial_transformer import Attention
from lib_colorize.method.unet import UNet
from lib_colorize.method.unet_layers import timestep_embedding
from lib_colorize.method.unet_layout import find_layout
from tests.core_models import ldm_unet

PLAIN = UNetConfig(4, 4, 32, (1, 2), 1, (2, 1), 16, 24, 1, False)
SIZES = {
    "convolutions": PLAIN,
    "linear projections": replace(PLAIN, linear_projections=True),
    "SD's levels and blocks": replace(
        PLAIN, channel_mult=(1, 2, 4, 4), num_res_blocks=2, attention_resolutions=(4, 2, 1)),
    "deep transformers, at the lowest level only": replace(PLAIN, transformer_depth=3, attention_resolutions=(2,)),
    "no attention but in the middle": replace(PLAIN, attention_resolutions=()),
    "other channels in and out": replace(PLAIN, in_channels=9, out_channels=3),
}
RELEASED = UNetConfig(4, 4, 320, (1, 2, 4, 4), 2, (4, 2, 1), 64, 1024, 1, False)


def pair(config: UNetConfig) -> tuple[UNet, nn.Module]:
    """Ours and `ldm`'s with the same random weights."""
    ours, theirs = UNet(config), ldm_unet(config)
    generator = torch.Generator().manual_seed(0)
    state = {}
    for key, value in theirs.state_dict().items():
        scale = value[0].numel() ** -0.5 if value.ndim > 1 else 0.1
        mean = float(value.ndim == 1 and key.endswith("weight"))
        state[key] = torch.randn(value.shape, generator=generator) * scale + mean
    ours.load_state_dict(state, strict=True)
    theirs.load_state_dict(state, strict=True)
    return ours, theirs


def inputs(config: UNetConfig) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(2, config.in_channels, 16, 24, generator=generator)
    return x, torch.tensor([3.0, 741.5]), torch.randn(2, 5, config.context_dim, generator=generator)


@pytest.mark.parametrize("linear", (False, True))
def test_at_sd21s_size_keys_order_and_shapes_are_ldms(linear: bool) -> None:
    config = replace(RELEASED, linear_projections=linear)
    with torch.device("meta"):
        ours, theirs = UNet(config), ldm_unet(config)
    shapes = [[(key, tuple(value.shape)) for key, value in unet.state_dict().items()] for unet in (ours, theirs)]
    assert shapes[0] == shapes[1]  # the order too: runs store an optimizer's state by it
    assert find_layout(ours).hint_blocks == find_layout(theirs).hint_blocks == (0, 3, 6, 9, 11)
    assert [slot for _, slot in find_layout(ours).attentions] == list(range(16))


def test_first_weights_are_ldms_so_that_a_run_from_nothing_repeats() -> None:
    states = []
    for make in (UNet, ldm_unet):
        torch.manual_seed(7)
        states.append(make(SIZES["SD's levels and blocks"]).state_dict())
    assert all(torch.equal(value, states[1][key]) for key, value in states[0].items())


@pytest.mark.parametrize("name", SIZES)
def test_output_and_gradients_are_ldms(name: str) -> None:
    config = SIZES[name]
    found = []
    for unet in pair(config):
        x, t, context = (value.clone().requires_grad_(value.ndim > 1) for value in inputs(config))
        output = unet(x, t, context=context if isinstance(unet, UNet) else per_block(context, config))
        output.square().mean().backward()
        found.append({"output": output.detach(), "d x": x.grad, "d context": context.grad,
                      **{f"d {name}": parameter.grad for name, parameter in unet.named_parameters()}})
    assert found[0]["output"].shape == (2, config.out_channels, 16, 24) and found[0]["output"].abs().mean() > 0.1
    for key, expected in found[1].items():
        torch.testing.assert_close(found[0][key], expected, rtol=1e-4, atol=1e-5, msg=lambda m, key=key: f"{key}: {m}")


@pytest.mark.parametrize("name", SIZES)
def test_under_attach_it_is_ldms_to_the_last_bit(name: str) -> None:
    """There all cross-attentions are ours; self-attention, which is not, is given ours in both."""
    config = SIZES[name]
    ours, theirs = pair(config)
    generator = torch.Generator().manual_seed(2)
    hints = tuple(torch.randn(1, *shape, generator=generator) for shape in hint_shapes(ours, config))
    conditioning = Conditioning(torch.randn(1, 6, config.context_dim, generator=generator), hints)
    settings = Settings(reference_strength=0.7)
    found = []
    for unet in (ours, theirs):
        if unet is theirs:
            fuse_self_attention(unet)
        with torch.no_grad(), attach(unet, conditioning, settings) as attached:
            attached.branches = (Branch.FULL, Branch.NO_REFERENCE)
            x, t, _ = inputs(config)
            found.append(unet(x, t, context=None if unet is ours else per_block(None, config)))
    assert torch.equal(found[0], found[1])


def per_block(context: Tensor | None, config: UNetConfig) -> Any:
    """`ldm` takes a list with a context for each of several transformer blocks."""
    return context if config.transformer_depth == 1 else [context] * config.transformer_depth


def hint_shapes(unet: UNet, config: UNetConfig) -> list[tuple[int, ...]]:
    shapes: list[tuple[int, ...]] = []
    hooks = [unet.input_blocks[i].register_forward_hook(lambda m, a, out: shapes.append(tuple(out.shape[1:])))
             for i in find_layout(unet).hint_blocks]
    with torch.no_grad():
        unet(*inputs(config))
    for hook in hooks:
        hook.remove()
    return shapes


def fuse_self_attention(unet: nn.Module) -> None:
    for module in unet.modules():
        if hasattr(module, "attn1"):
            theirs = module.attn1
            module.attn1 = Attention(theirs.to_q.in_features, theirs.heads)
            module.attn1.load_state_dict(theirs.state_dict())


def test_hints_of_training_reach_it_with_their_gradient() -> None:
    unet, _ = pair(PLAIN)
    hints = [torch.zeros(1, *shape, requires_grad=True) for shape in hint_shapes(unet, PLAIN)]
    with add_hints(unet, hints):
        unet(*inputs(PLAIN)).sum().backward()
    assert all(hint.grad is not None and float(hint.grad.abs().sum()) > 0 for hint in hints)


@pytest.mark.parametrize("name", SIZES)
def test_hints_given_to_forward_are_those_of_hooks_to_the_last_bit(name: str) -> None:
    """Without hooks, which break the graph of a compiled network."""
    config = SIZES[name]
    unet, _ = pair(config)
    assert unet.hint_blocks == find_layout(unet).hint_blocks
    generator, found = torch.Generator().manual_seed(3), []
    drawn = [torch.randn(2, *shape, generator=generator) for shape in hint_shapes(unet, config)]
    for hooked in (True, False):
        hints = [hint.clone().requires_grad_() for hint in drawn]
        unet.zero_grad()
        with add_hints(unet, hints) if hooked else contextlib.nullcontext():
            output = unet(*inputs(config), hints=None if hooked else hints)
        output.square().mean().backward()
        found.append([output, *(hint.grad for hint in hints), *(p.grad for p in unet.parameters())])
    assert all(torch.equal(a, b) for a, b in zip(*found))
    with torch.no_grad():
        assert not torch.equal(found[1][0], unet(*inputs(config)))


def test_it_is_one_graph_to_a_compiler_with_hints_and_with_a_gradient() -> None:
    unet, _ = pair(PLAIN)
    hints = [torch.randn(2, *shape, requires_grad=True) for shape in hint_shapes(unet, PLAIN)]
    compiled = torch.compile(unet, backend="eager", fullgraph=True)
    expected = unet(*inputs(PLAIN), hints)
    found = compiled(*inputs(PLAIN), hints)
    found.sum().backward()
    torch.testing.assert_close(found, expected)
    assert hints[0].grad is not None


def test_hints_of_another_number_or_size_are_refused() -> None:
    unet, _ = pair(PLAIN)
    hints = [torch.zeros(1, *shape) for shape in hint_shapes(unet, PLAIN)]
    with pytest.raises(ColorizeError, match=f"{len(hints) - 1} sketch hints for a U-Net that takes {len(hints)}"):
        unet(*inputs(PLAIN), hints=hints[:-1])
    with pytest.raises(Misfit, match="does not fit input block 0"):
        unet(*inputs(PLAIN), hints=[hints[0][..., 1:], *hints[1:]])


@pytest.mark.parametrize("context", (None, 5))
def test_attention_is_the_formula(context: int | None) -> None:
    from ldm.modules.attention import CrossAttention

    torch.manual_seed(0)
    plain = CrossAttention(query_dim=24, context_dim=None if context is None else 10, heads=3, dim_head=8)
    fused = Attention(24, 3, None if context is None else 10)
    fused.load_state_dict(plain.state_dict())
    x, tokens = torch.randn(2, 6, 24), None if context is None else torch.randn(2, context, 10)
    torch.testing.assert_close(fused(x, tokens), plain(x, tokens), rtol=1e-5, atol=1e-6)


def test_the_time_embedding_is_cosines_then_sines() -> None:
    """By the formula of section 3.5 of "Attention is all you need", in double precision."""
    t = torch.tensor([0.0, 1.0, 500.25, 999.0])
    rates = 10_000.0 ** (-torch.arange(16, dtype=torch.float64) / 16)
    angles = t.double()[:, None] * rates
    torch.testing.assert_close(timestep_embedding(t, 32).double(), torch.cat([angles.cos(), angles.sin()], 1),
                               rtol=0, atol=2e-4)


def test_a_new_one_gives_zeros_and_half_precision_is_given_back() -> None:
    x, t, context = inputs(PLAIN)
    assert not UNet(PLAIN)(x, t, context).any()
    unet, _ = pair(PLAIN)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert torch.allclose(unet(x, t, context).float(), unet.float()(x, t, context).float(), atol=0.1)

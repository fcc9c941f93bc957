"""A U-Net with wider levels begins as the narrower one that it is made from."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from lib_colorize.errors import ColorizeError
from lib_colorize.method.network_config import NetworkConfig, SketchConfig, UNetConfig
from lib_colorize.method.sketch_encoder import SketchEncoder
from lib_colorize.method.unet import UNet
from training.small.channel_growth import Channels, Growth, same
from training.small.grow_unet import grown_unet

SMALL = UNetConfig(in_channels=4, out_channels=4, model_channels=32, channel_mult=(1, 1, 1, 2), num_res_blocks=1,
                   attention_resolutions=(4, 2, 1), num_head_channels=16, context_dim=24, transformer_depth=1,
                   linear_projections=False)


def sizes(*mult: int) -> NetworkConfig:
    return NetworkConfig(replace(SMALL, channel_mult=mult), None, SketchConfig(32, mult), None)


def networks(config: NetworkConfig) -> tuple[UNet, SketchEncoder]:
    assert config.sketch is not None
    return UNet(config.unet).eval(), SketchEncoder(config.sketch.model_channels, config.sketch.channel_mult).eval()


def learnt(*networks: torch.nn.Module) -> None:
    """Weights as after training: none is zero, norms scale and shift."""
    torch.manual_seed(0)
    for network in networks:
        for name, parameter in network.named_parameters():
            torch.nn.init.normal_(parameter, 1.0 if parameter.ndim == 1 and name.endswith("weight") else 0.0,
                                  0.1 if parameter.ndim == 1 else parameter[0].numel() ** -0.5)


def similar(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1])


def outputs(unet: UNet, encoder: SketchEncoder) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Of the input blocks, and of the whole."""
    torch.manual_seed(1)
    x, sketch, context = torch.randn(2, 4, 16, 16), torch.rand(2, 3, 128, 128) * 2 - 1, torch.randn(2, 9, 24)
    given: list[torch.Tensor] = []
    for block in unet.input_blocks:
        block.register_forward_hook(lambda module, args, output: given.append(output))
    with torch.no_grad():
        return given, unet(x, torch.tensor([30, 700]), context=context, hints=encoder(sketch))


@pytest.mark.parametrize(("mult", "least"), [((1, 2, 2, 4), 0.9), ((1, 2, 2, 2), 0.9), ((2, 2, 2, 4), None)])
def test_a_wider_network_gives_nearly_what_the_narrower_one_gives(mult: tuple[int, ...], least: float | None) -> None:
    old, new = sizes(1, 1, 1, 2), sizes(*mult)
    small, large = networks(old), networks(new)
    learnt(*small)
    if least is None:
        with pytest.raises(ColorizeError, match="--start none"):
            grown_unet(small[0].state_dict(), small[1].state_dict(), old, replace(new, unet=replace(
                new.unet, num_head_channels=8)))
        return
    unet, encoder = grown_unet(small[0].state_dict(), small[1].state_dict(), old, new)
    large[0].load_state_dict(unet)
    large[1].load_state_dict(encoder)
    (before, answer), (after, wider) = outputs(*small), outputs(*large)
    for place in range(6):  # as far as both have the same levels, one widened: every channel twice
        times = after[place].shape[1] // before[place].shape[1]
        copies = after[place].unflatten(1, (-1, times))
        assert times == (1 if place < 3 else 2) and torch.allclose(copies.mean(2), before[place], atol=1e-4)
        assert torch.allclose(copies[:, :, 0], copies[:, :, -1], atol=1e-4)
    assert similar(wider, answer) > least


def test_the_first_level_may_be_wider_too() -> None:
    old, new = sizes(1, 1, 1, 2), sizes(2, 2, 2, 4)
    small, large = networks(old), networks(new)
    learnt(*small)
    unet, encoder = grown_unet(small[0].state_dict(), small[1].state_dict(), old, new)
    large[0].load_state_dict(unet)
    large[1].load_state_dict(encoder)
    assert similar(outputs(*large)[1], outputs(*small)[1]) > 0.9


def test_a_grown_network_learns_different_things_with_the_copies_of_a_channel() -> None:
    small = networks(sizes(1, 1, 1, 2))
    learnt(*small)
    unet, _ = grown_unet(small[0].state_dict(), small[1].state_dict(), sizes(1, 1, 1, 2), sizes(1, 2, 2, 2))
    weight = unet["input_blocks.3.0.out_layers.3.weight"]  # both sides repeated
    pairs = weight.unflatten(1, (-1, 2))
    assert ((pairs[:, :, 0] - pairs[:, :, 1]).abs() > 0.1 * pairs.sum(2).abs()).float().mean() > 0.7


def test_shares_of_a_channels_copies_come_to_its_whole() -> None:
    growth = Growth({}, {}, torch.Generator().manual_seed(0))
    given = Channels.repeated(4, 8).then(same(3))
    weight = torch.randn(5, 7, 3, 3)
    shares = growth.divided(weight, given)
    assert shares.shape == (5, 11, 3, 3) and torch.allclose(shares[:, 8:], weight[:, 4:])
    assert torch.allclose(shares[:, :8].unflatten(1, (4, 2)).sum(2), weight[:, :4], atol=1e-6)


def test_levels_that_are_no_whole_multiple_are_refused() -> None:
    with pytest.raises(ColorizeError, match="whole multiple"):
        Channels.repeated(64, 96)

"""An initialisation at which the small auto-encoder already passes colour: a mosaic of 8 x 8 pixel means.

A GroupNorm over a flat picture keeps of a group's channels only how they compare with each other, and from default
weights a small network takes hours to find out how to send a colour through a stack of them. Here each of three groups
of three channels carries (c, -c, -K): c is one colour component and K a constant. The group's mean is constant and its
variance nearly so, so that the norm leaves c nearly linear, and silu(b + c') - silu(b - c') is nearly linear too.
Residual branches start at zero and resampling at the identity (or the mean); all other channels keep their default
weights and learn detail.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from lib_colorize.engine.networks import AutoencoderKL

K = 6.0
COMPONENTS = 3  # colour component i lives in channels 3 i, 3 i + 1, 3 i + 2
_STD = K * math.sqrt(2) / 3  # of a group, for small c
_B = K / 3 / _STD
_SIGMOID = 1 / (1 + math.exp(-_B))
READ_OUT = _STD / (2 * _SIGMOID * (1 + _B * (1 - _SIGMOID)))  # silu'(b) = sigmoid(b) (1 + b (1 - sigmoid(b)))


@torch.no_grad()
def pass_colour(vae: AutoencoderKL) -> None:
    """Set the weights of a fresh auto-encoder of three channels to a norm group; latent channels 0-2 are the colour."""
    for module in vae.modules():
        if type(module).__name__ == "ResnetBlock":
            _zero(module.get_submodule("conv2"))
        elif type(module).__name__ == "AttnBlock":
            _zero(module.get_submodule("proj_out"))
    encoder, decoder = vae.encoder, vae.decoder
    for conv in (encoder.conv_in, decoder.conv_in):
        _write_carriers(conv)
    for level in encoder.down:
        if hasattr(level, "downsample"):
            _keep_carriers(level.downsample.conv, torch.tensor([[0.25, 0.25, 0], [0.25, 0.25, 0], [0, 0, 0]]))
    for level in decoder.up:
        if hasattr(level, "upsample"):
            _keep_carriers(level.upsample.conv, torch.tensor([[0.0, 0, 0], [0, 1, 0], [0, 0, 0]]))
    for conv in (encoder.conv_out, decoder.conv_out):
        _read_carriers(conv)
    channels = vae.post_quant_conv.in_channels
    encoder.conv_out.weight[channels:] = 0
    encoder.conv_out.bias[channels:] = -4.0  # log variance
    vae.quant_conv.weight.copy_(torch.eye(2 * channels)[:, :, None, None])
    vae.post_quant_conv.weight.copy_(torch.eye(channels)[:, :, None, None])
    for conv in (vae.quant_conv, vae.post_quant_conv):
        nn.init.zeros_(bias_of(conv))


def bias_of(conv: nn.Conv2d) -> Tensor:
    """[C]; all convolutions of the auto-encoder have one."""
    assert conv.bias is not None
    return conv.bias


def _zero(module: nn.Module) -> None:
    for parameter in module.parameters():
        nn.init.zeros_(parameter)


def _write_carriers(conv: nn.Conv2d) -> None:
    for component in range(COMPONENTS):
        first = 3 * component
        conv.weight[first:first + 3] = 0
        conv.weight[first, component, 1, 1] = 1.0
        conv.weight[first + 1, component, 1, 1] = -1.0
        bias_of(conv)[first:first + 3] = torch.tensor([0.0, 0.0, -K])


def _keep_carriers(conv: nn.Conv2d, kernel: Tensor) -> None:
    count = 3 * COMPONENTS
    conv.weight[:count] = 0
    bias_of(conv)[:count] = 0
    for channel in range(count):
        conv.weight[channel, channel] = kernel


def _read_carriers(conv: nn.Conv2d) -> None:
    conv.weight[:COMPONENTS] *= 0.1  # the other channels begin quietly
    conv.weight[:COMPONENTS, :3 * COMPONENTS] = 0
    for component in range(COMPONENTS):
        conv.weight[component, 3 * component, 1, 1] = READ_OUT
        conv.weight[component, 3 * component + 1, 1, 1] = -READ_OUT
    nn.init.zeros_(bias_of(conv))

"""What the U-Net is made of besides attention: time embedding, residual block, half and double size."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .norms import GROUPS, Float32GroupNorm, norm_silu

LONGEST_PERIOD = 10_000  # of the time embedding, in steps


def timestep_embedding(t: Tensor, width: int) -> Tensor:
    """t: [B], whole or fractional -> [B, width], float32: cosines, then sines, of falling frequencies."""
    half = width // 2
    frequencies = torch.exp(-math.log(LONGEST_PERIOD) * torch.arange(half, dtype=torch.float32, device=t.device) / half)
    angles = t[:, None].float() * frequencies[None]
    return torch.cat([torch.cos(angles), torch.sin(angles)], dim=-1)


class ResBlock(nn.Module):
    """x [B, C, h, w], time embedding [B, E] -> [B, out_channels, h, w]; new ones give what comes in."""

    def __init__(self, channels: int, time_width: int, out_channels: int) -> None:
        super().__init__()
        self.in_layers: Any = nn.Sequential(
            Float32GroupNorm(GROUPS, channels), nn.SiLU(), nn.Conv2d(channels, out_channels, 3, padding=1))
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(time_width, out_channels))
        self.out_layers: Any = nn.Sequential(
            Float32GroupNorm(GROUPS, out_channels), nn.SiLU(), nn.Identity(),  # a dropout in LDM: the keys count it
            zeroed(nn.Conv2d(out_channels, out_channels, 3, padding=1)))
        self.skip_connection = (
            nn.Identity() if out_channels == channels else nn.Conv2d(channels, out_channels, 1))

    def forward(self, x: Tensor, time: Tensor, shift: Tensor | None = None) -> Tensor:
        """shift: [B or 1, out_channels] of `shift`, where it is known already; then time is not looked at."""
        normed, convolution = norm_silu(self.in_layers[0], x), self.in_layers[2]
        if shift is None:
            hidden: Tensor = convolution(normed)
            shift = self.emb_layers(time).type(hidden.dtype)
        else:
            hidden = F.conv2d(normed, convolution.weight, None, padding=1)
        hidden = self.out_layers[3](norm_silu(self.out_layers[0], hidden, shift))
        skipped: Tensor = self.skip_connection(x)
        return skipped + hidden

    def shift(self, time: Tensor) -> Tensor:
        """What is added for the time and for the bias of the first convolution, [B, out_channels]; for sampling."""
        added: Tensor = self.emb_layers(time) + self.in_layers[2].bias
        return added


class Downsample(nn.Module):
    """[B, C, h, w] -> [B, C, h/2, w/2], halves rounded up."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.op = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        halved: Tensor = self.op(x)
        return halved


class Upsample(nn.Module):
    """[B, C, h, w] -> [B, C, 2h, 2w]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        doubled: Tensor = self.conv(F.interpolate(x, scale_factor=2, mode="nearest"))
        return doubled


def zeroed(layer: nn.Conv2d) -> nn.Conv2d:
    """The layer with weights of zero, so that it changes nothing before it has learnt."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer

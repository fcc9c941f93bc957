"""What the U-Net is made of besides attention: time embedding, residual block, half and double size."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .spatial_transformer import GROUPS

LONGEST_PERIOD = 10_000  # of the time embedding, in steps


def timestep_embedding(t: Tensor, width: int) -> Tensor:
    """t: [B], whole or fractional -> [B, width], float32: cosines, then sines, of falling frequencies."""
    half = width // 2
    frequencies = torch.exp(-math.log(LONGEST_PERIOD) * torch.arange(half, dtype=torch.float32) / half).to(t.device)
    angles = t[:, None].float() * frequencies[None]
    return torch.cat([torch.cos(angles), torch.sin(angles)], dim=-1)


class Float32GroupNorm(nn.GroupNorm):
    """Computed in float32 whatever comes in, and given back in that type."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.float()).type(x.dtype)


class ResBlock(nn.Module):
    """x [B, C, h, w], time embedding [B, E] -> [B, out_channels, h, w]; new ones give what comes in."""

    def __init__(self, channels: int, time_width: int, out_channels: int) -> None:
        super().__init__()
        self.in_layers = nn.Sequential(
            Float32GroupNorm(GROUPS, channels), nn.SiLU(), nn.Conv2d(channels, out_channels, 3, padding=1))
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(time_width, out_channels))
        self.out_layers = nn.Sequential(
            Float32GroupNorm(GROUPS, out_channels), nn.SiLU(), nn.Identity(),  # a dropout in LDM: the keys count it
            zeroed(nn.Conv2d(out_channels, out_channels, 3, padding=1)))
        self.skip_connection = (
            nn.Identity() if out_channels == channels else nn.Conv2d(channels, out_channels, 1))

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        hidden: Tensor = self.in_layers(x)
        hidden = self.out_layers(hidden + self.emb_layers(time).type(hidden.dtype)[..., None, None])
        skipped: Tensor = self.skip_connection(x)
        return skipped + hidden


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

"""The U-Net that we run: Stable Diffusion's (Rombach et al., CVPR 2022, section 3; method.md section 1).

Layout, keys and numbers are those of the released files ("LDM layout"): the program of that paper, `ldm`, has the same
network, and hosts have theirs; `attach.py` serves them all.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .network_config import UNetConfig
from .spatial_transformer import GROUPS, SpatialTransformer

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


class Block(nn.ModuleList):
    """One of the blocks that skip connections join: its layers in turn, each given what it takes."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__(layers)

    def forward(self, x: Tensor, time: Tensor, context: Tensor | None = None) -> Tensor:
        for layer in self:
            if isinstance(layer, ResBlock):
                x = layer(x, time)
            elif isinstance(layer, SpatialTransformer):
                x = layer(x, context)
            else:
                x = layer(x)
        return x


class UNet(nn.Module):
    """forward(x [B, in_channels, h, w], timesteps [B], context [B, N, context_dim]) -> [B, out_channels, h, w].

    New ones give zeros. SD's sizes have input blocks 0 to 11 (3, 6, 9 halve), a middle block, output blocks 0 to 11.
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config, self.in_channels, self.channel_mult = config, config.in_channels, config.channel_mult
        width, last = config.model_channels, len(config.channel_mult) - 1
        time = 4 * width
        self.time_embed = nn.Sequential(nn.Linear(width, time), nn.SiLU(), nn.Linear(time, time))

        self.input_blocks = nn.ModuleList([Block(nn.Conv2d(config.in_channels, width, 3, padding=1))])
        channels, skips = width, [width]
        for level, factor in enumerate(config.channel_mult):
            for _ in range(config.num_res_blocks):
                self.input_blocks.append(Block(ResBlock(channels, time, factor * width), *self._attention(level)))
                channels = factor * width
                skips.append(channels)
            if level < last:
                self.input_blocks.append(Block(Downsample(channels)))
                skips.append(channels)

        self.middle_block = Block(
            ResBlock(channels, time, channels), self._transformer(channels), ResBlock(channels, time, channels))

        self.output_blocks = nn.ModuleList()
        for level in range(last, -1, -1):
            for i in range(config.num_res_blocks + 1):
                out_channels = config.channel_mult[level] * width
                layers: list[nn.Module] = [
                    ResBlock(channels + skips.pop(), time, out_channels), *self._attention(level)]
                if level and i == config.num_res_blocks:
                    layers.append(Upsample(out_channels))
                self.output_blocks.append(Block(*layers))
                channels = out_channels
        self.out = nn.Sequential(Float32GroupNorm(GROUPS, channels), nn.SiLU(),
                                 zeroed(nn.Conv2d(channels, config.out_channels, 3, padding=1)))

    def _attention(self, level: int) -> list[nn.Module]:
        """What follows a residual block of this level, each level at half the size of the one before."""
        if 2**level not in self.config.attention_resolutions:
            return []
        return [self._transformer(self.config.channel_mult[level] * self.config.model_channels)]

    def _transformer(self, channels: int) -> SpatialTransformer:
        config = self.config
        return SpatialTransformer(channels, channels // config.num_head_channels, config.transformer_depth,
                                  config.context_dim, config.linear_projections)

    def forward(self, x: Tensor, timesteps: Tensor, context: Tensor | None = None) -> Tensor:
        time = self.time_embed(timestep_embedding(timesteps, self.config.model_channels))
        hidden, skips = x.float(), []
        for block in self.input_blocks:
            hidden = block(hidden, time, context)
            skips.append(hidden)
        hidden = self.middle_block(hidden, time, context)
        for block in self.output_blocks:
            hidden = block(torch.cat([hidden, skips.pop()], dim=1), time, context)
        output: Tensor = self.out(hidden.type(x.dtype))
        return output


def zeroed(layer: nn.Conv2d) -> nn.Conv2d:
    """The layer with weights of zero, so that it changes nothing before it has learnt."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer

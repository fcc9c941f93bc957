"""The U-Net that we run: Stable Diffusion's (Rombach et al., CVPR 2022, section 3; method.md section 1).

Layout, keys and numbers are those of the released files ("LDM layout"): the program of that paper, `ldm`, has the same
network, and hosts have theirs; `attach.py` serves them all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ColorizeError
from .hint_hook import with_hint
from .network_config import UNetConfig
from .norms import GROUPS, Float32GroupNorm, norm_silu
from .spatial_transformer import SpatialTransformer
from .unet_layers import Downsample, ResBlock, Upsample, timestep_embedding, zeroed


class Block(nn.ModuleList):
    """One of the blocks that skip connections join: its layers in turn, each given what it takes."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__(layers)

    def forward(
        self, x: Tensor, time: Tensor, context: Tensor | None = None, shifts: Iterator[Tensor] | None = None,
    ) -> Tensor:
        for layer in self:
            if isinstance(layer, ResBlock):
                x = layer(x, time, None if shifts is None else next(shifts))
            elif isinstance(layer, SpatialTransformer):
                x = layer(x, context)
            else:
                x = layer(x)
        return x


def encoder_blocks(config: UNetConfig) -> tuple[nn.ModuleList, tuple[int, ...], tuple[int, ...]]:
    """The input blocks, the channels that each gives, and those after which hints are added."""
    width, last = config.model_channels, len(config.channel_mult) - 1
    blocks: list[nn.Module] = [Block(nn.Conv2d(config.in_channels, width, 3, padding=1))]
    widths, hint_blocks = [width], [0]
    for level, factor in enumerate(config.channel_mult):
        for _ in range(config.num_res_blocks):
            blocks.append(Block(ResBlock(widths[-1], 4 * width, factor * width), *_attention(config, level)))
            widths.append(factor * width)
        if level < last:
            hint_blocks.append(len(blocks))
            blocks.append(Block(Downsample(widths[-1])))
            widths.append(widths[-1])
    return nn.ModuleList(blocks), tuple(widths), (*hint_blocks, len(blocks) - 1)


def _attention(config: UNetConfig, level: int) -> list[nn.Module]:
    """What follows a residual block of this level, each level at half the size of the one before."""
    if 2**level not in config.attention_resolutions:
        return []
    return [_transformer(config, config.channel_mult[level] * config.model_channels)]


def _transformer(config: UNetConfig, channels: int) -> SpatialTransformer:
    return SpatialTransformer(channels, channels // config.num_head_channels, config.transformer_depth,
                              config.context_dim, config.linear_projections)


class UNet(nn.Module):
    """forward(x [B, in_channels, h, w], timesteps [B], context [B, N, context_dim]) -> [B, out_channels, h, w].

    hints: as SketchEncoder gives them, each [B or 1, C_i, h_i, w_i], added to what input block 0, each halving one and
    the last one give; with their gradient. None = none, or `attach` adds its own. Misfit when one has another size.
    shifts: what `shifts` gave, where it is known already; then timesteps are not looked at. For sampling.
    Weights of one half type compute in it, without autocast; x may stay float32, and the output is of its type.
    New ones give zeros. SD's sizes have input blocks 0 to 11 (3, 6, 9 halve), a middle block, output blocks 0 to 11.
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config, self.in_channels, self.channel_mult = config, config.in_channels, config.channel_mult
        width, last = config.model_channels, len(config.channel_mult) - 1
        time = 4 * width
        self.time_embed = nn.Sequential(nn.Linear(width, time), nn.SiLU(), nn.Linear(time, time))

        self.input_blocks, widths, self.hint_blocks = encoder_blocks(config)
        channels, skips = widths[-1], list(widths)
        self.middle_block = Block(
            ResBlock(channels, time, channels), _transformer(config, channels), ResBlock(channels, time, channels))

        self.output_blocks = nn.ModuleList()
        for level in range(last, -1, -1):
            for i in range(config.num_res_blocks + 1):
                out_channels = config.channel_mult[level] * width
                layers: list[nn.Module] = [
                    ResBlock(channels + skips.pop(), time, out_channels), *_attention(config, level)]
                if level and i == config.num_res_blocks:
                    layers.append(Upsample(out_channels))
                self.output_blocks.append(Block(*layers))
                channels = out_channels
        self.out: Any = nn.Sequential(Float32GroupNorm(GROUPS, channels), nn.SiLU(),
                                 zeroed(nn.Conv2d(channels, config.out_channels, 3, padding=1)))
        self._shift_widths = [block.out_layers[0].num_channels for block in self._residual_blocks()]

    def forward(
        self, x: Tensor, timesteps: Tensor, context: Tensor | None = None, hints: Sequence[Tensor] | None = None,
        shifts: Tensor | None = None,
    ) -> Tensor:
        if hints is not None and len(hints) != len(self.hint_blocks):
            raise ColorizeError(f"{len(hints)} sketch hints for a U-Net that takes {len(self.hint_blocks)}; "
                                "use the sketch encoder of this model")
        hint_at = dict(zip(self.hint_blocks, hints or ()))
        time = self.embedded(timesteps) if shifts is None else timesteps
        known = None if shifts is None else iter(torch.split(shifts, self._shift_widths, 1))
        hidden, skips = x.to(self._weight), []
        for place, block in enumerate(self.input_blocks):
            hidden = block(hidden, time, context, known)
            if place in hint_at:
                hidden = with_hint(place, hidden, hint_at[place])
            skips.append(hidden)
        hidden = self.middle_block(hidden, time, context, known)
        for block in self.output_blocks:
            hidden = block(torch.cat([hidden, skips.pop()], dim=1), time, context, known)
        output: Tensor = self.out[2](norm_silu(self.out[0], hidden))
        return output.type(x.dtype)

    def shifts(self, time: Tensor) -> Tensor:
        """What the residual blocks add for their time, side by side, [B, sum of C_out]: `shifts` of forward.

        time: [B, E] of `embedded`.
        """
        return torch.cat([layer.shift(time) for layer in self._residual_blocks()], 1)

    def _residual_blocks(self) -> list[ResBlock]:
        """In forward order."""
        blocks: list[Any] = [*self.input_blocks, self.middle_block, *self.output_blocks]
        return [layer for block in blocks for layer in block if isinstance(layer, ResBlock)]

    @property
    def dtype(self) -> torch.dtype:
        """Of its weights, and with no autocast around of what it computes."""
        return self._weight.dtype

    @property
    def _weight(self) -> Tensor:
        first: Any = self.input_blocks[0]
        weight: Tensor = first[0].weight
        return weight

    def embedded(self, timesteps: Tensor) -> Tensor:
        """[B] -> [B, 4 model_channels]: computed in float32, then in the type of the weights."""
        embedded: Tensor = self.time_embed(timestep_embedding(timesteps, self.config.model_channels).to(self._weight))
        return embedded

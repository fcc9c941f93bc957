"""Channels along a U-Net's decoder, by its sizes."""

from __future__ import annotations

from ..network_config import UNetConfig


def output_widths(config: UNetConfig) -> tuple[int, ...]:
    """What each output block gives."""
    return tuple(mult * config.model_channels for mult in reversed(config.channel_mult)
                 for _ in range(config.num_res_blocks + 1))


def skip_widths(config: UNetConfig) -> tuple[int, ...]:
    """The skip that each output block takes."""
    widths, last = [config.model_channels], len(config.channel_mult) - 1
    for level, mult in enumerate(config.channel_mult):
        widths += [mult * config.model_channels] * (config.num_res_blocks + (level < last))
    return tuple(reversed(widths))

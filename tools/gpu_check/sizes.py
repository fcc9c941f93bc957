"""At which sizes it is measured: the released networks, or tiny ones with which tests run every part on a CPU."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lib_colorize.cli.random_networks import sizes
from lib_colorize.method.network_config import NetworkConfig, VisionConfig


@dataclass(frozen=True)
class Sizes:
    """What the parts take."""

    networks: NetworkConfig
    vision: VisionConfig
    pixels: tuple[int, ...]  # of steps, the first and the last have goals
    decoded: tuple[int, ...]  # of decoding and of a whole picture
    pictures: tuple[int, ...]  # at once
    steps: int  # of a whole picture
    rounds: int  # of which the median is taken
    warm_up: int  # calls before


def operator_network() -> NetworkConfig:
    """The bench's tiny network with two residual blocks a level, as SD has: what operators are counted on."""
    config, _ = sizes("tiny")
    return replace(config, unet=replace(config.unet, num_res_blocks=2))


RELEASED = Sizes(*sizes("released"), pixels=(512, 768, 1024), decoded=(512, 1024, 2048), pictures=(1, 4), steps=20,
                 rounds=5, warm_up=3)
TINY = Sizes(*sizes("tiny"), pixels=(64,), decoded=(64,), pictures=(1, 2), steps=1, rounds=1, warm_up=0)

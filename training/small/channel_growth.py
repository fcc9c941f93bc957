"""Weights of a wider network from those of a narrower one, channel by channel.

A channel of a wider map repeats one of the narrower map (Net2Net, Chen et al., ICLR 2016, section 2.4), side by side,
so that every norm's groups keep their statistics. Those who read it divide its weight among its copies at random,
which keeps the sum and lets copies learn different things.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lib_colorize.errors import ColorizeError

State = dict[str, Tensor]
UNEQUAL = 0.5  # standard deviation of what a copy's share differs from an equal one by, of that


@dataclass(frozen=True)
class Channels:
    """Of a map in the wider network: which of the narrower one's each of them is."""

    of: Tensor  # [C], int64
    old: int  # the narrower one's number

    @classmethod
    def repeated(cls, old: int, new: int) -> Channels:
        if new % old:
            raise ColorizeError(f"a level of {new} channels cannot begin as one of {old}: expected a whole multiple; "
                                "begin with --start none")
        return cls(torch.arange(old).repeat_interleave(new // old), old)

    def tiled(self) -> Channels:
        """The same number, whole rounds one after the other: attention's heads keep together."""
        return Channels(torch.arange(self.old).repeat(len(self.of) // self.old), self.old)

    def then(self, other: Channels) -> Channels:
        return Channels(torch.cat([self.of, self.old + other.of]), self.old + other.old)


def same(count: int) -> Channels:
    return Channels(torch.arange(count), count)


@dataclass
class Growth:
    """State dicts of the narrower network and of the wider one, which is filled."""

    old: State
    new: State
    generator: torch.Generator

    def vector(self, key: str, out: Channels) -> None:
        """A bias, or a norm's weight: [C]."""
        self.new[key] = self.old[key].float()[out.of]

    def layer(self, name: str, out: Channels, given: Channels) -> None:
        """A linear layer or a convolution, with its bias if it has one."""
        self.new[f"{name}.weight"] = self.divided(self.old[f"{name}.weight"].float()[out.of], given)
        if f"{name}.bias" in self.old:
            self.vector(f"{name}.bias", out)

    def norm(self, name: str, channels: Channels) -> None:
        self.vector(f"{name}.weight", channels)
        self.vector(f"{name}.bias", channels)

    def divided(self, weight: Tensor, given: Channels) -> Tensor:
        """weight: [O, C of the narrower, ...] -> [O, C of the wider, ...], each channel's among its copies."""
        copies = torch.zeros(given.old, len(given.of)).index_put_(
            (given.of, torch.arange(len(given.of))), torch.tensor(1.0))
        count = copies.sum(1)[given.of]  # [C of the wider]
        chance = torch.randn(len(weight), len(given.of), generator=self.generator) * UNEQUAL / count
        chance -= (chance @ copies.T / copies.sum(1).clamp(min=1) @ copies)  # those of one channel sum to nothing
        share = (1 / count + chance).reshape(len(weight), -1, *[1] * (weight.ndim - 2))
        return weight[:, given.of] * share

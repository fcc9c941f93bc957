"""All chance of the objective, drawn for each sample from (seed, its position in the run) alone.

So it does not matter how many processes share a step, into how many parts it is accumulated, or where a run stopped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Draws:
    """Of B samples; the uniform ones are compared with a stage's rates by the objective."""

    t: Tensor  # [B] whole, 0 .. T - 1
    posterior: Tensor  # [B, C, h, w] noise of the VAE's posterior
    noise: Tensor  # [B, C, h, w] eps
    offset: Tensor  # [B, C] offset noise
    token_noise: Tensor  # [B, N, D] eps_r of eq. 1; [B, 0, 0] where a stage has none
    keep_reference: Tensor  # [B] uniform in [0, 1)
    keep_sketch: Tensor  # [B] uniform in [0, 1)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Draws:
        """The same on a device."""
        return Draws(**{f.name: getattr(self, f.name).to(device, non_blocking=non_blocking) for f in fields(self)})


def draw_noise(
    seed: int, positions: Sequence[int], latent: tuple[int, ...], tokens: tuple[int, int], steps: int,
    t_power: float = 1.0,
) -> Draws:
    """positions: of the samples in the run, counted from 0; latent: (C, h, w); tokens: (N, D) or (0, 0).

    t_power: t / T is a uniform number to the power of 1 / t_power, so its density is t_power (t / T)^(t_power - 1).
    """
    rows = [_one(seed, position, latent, tokens, steps) for position in positions]
    found = Draws(*(torch.stack(column) for column in zip(*rows)))
    if t_power == 1:
        return found
    return replace(found, t=(steps * ((found.t + 0.5) / steps) ** (1 / t_power)).long().clamp(0, steps - 1))


def _one(seed: int, position: int, latent: tuple[int, ...], tokens: tuple[int, int], steps: int) -> tuple[Tensor, ...]:
    """One sample's numbers, in the order of the fields; drops come first, so that no size moves them."""
    key = int(np.random.SeedSequence((seed, position)).generate_state(1, np.uint64)[0] >> 1)
    generator = torch.Generator().manual_seed(key)
    keep = torch.rand(2, generator=generator)
    t = torch.randint(0, steps, (), generator=generator)
    offset = torch.randn(latent[0], generator=generator)
    posterior = torch.randn(latent, generator=generator)
    noise = torch.randn(latent, generator=generator)
    token_noise = torch.randn(tokens, generator=generator)
    return t, posterior, noise, offset, token_noise, keep[0], keep[1]

"""A picture to its latents by the VAE that the host has loaded, whichever class it is of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


@torch.no_grad()
def moments(vae: Any, picture: Tensor, scale_factor: float) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation [1, C, h, w] of the posterior, scaled as latents are, float32.

    vae: with the parts of LDM's and diffusers' auto-encoders, `encoder` and `quant_conv`; picture: [1, 3, H, W] in
    [-1, 1].
    """
    weight = next(vae.encoder.parameters())
    mean, logvar = vae.quant_conv(vae.encoder(picture.to(weight))).float().chunk(2, dim=1)
    return scale_factor * mean, scale_factor * (0.5 * logvar.clamp(-30.0, 20.0)).exp()


@contextmanager
def brought_to(module: nn.Module, device: torch.device) -> Iterator[None]:
    """Inside, the module is on the device; afterwards where it was."""
    before = next(module.parameters()).device
    if before.type == device.type:
        yield
        return
    module.to(device)
    try:
        yield
    finally:
        module.to(before)

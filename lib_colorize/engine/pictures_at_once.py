"""How many pictures fit a device at once."""

from __future__ import annotations

from typing import Any

import torch

from ..method.guidance import Guidance
from ..method.settings import Settings

MOST = 16  # pictures: with more, no step is faster for each of them
HELD = 48  # numbers that the U-Net holds at most, for each of its first channels at each position of a latent
SPARE = 0.6  # part of the free memory that may be used


def pictures_at_once(unet: Any, shape: tuple[int, ...], settings: Settings) -> int:
    """shape: (1, C, h, w) of one latent; at least 1."""
    weight = next(unet.parameters())
    if weight.device.type != "cuda":
        return MOST
    free, _ = torch.cuda.mem_get_info(weight.device)
    free += torch.cuda.memory_reserved(weight.device) - torch.cuda.memory_allocated(weight.device)
    rows = len(Guidance.of(settings).branches)
    one: int = HELD * weight.shape[0] * weight.element_size() * shape[-1] * shape[-2] * rows
    return max(1, min(MOST, int(SPARE * free) // one))

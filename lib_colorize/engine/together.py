"""The pictures of a batch in parts that are sampled at once: as many as a device holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from ..method.guidance import Guidance
from ..method.settings import Settings

MOST = 16  # pictures: with more, no step is faster for each of them
HELD = 48  # numbers that the U-Net holds at most, for each of its first channels at each position of a latent
INJECTED = 1.5  # times that, with keys and values of the reference's own features in every self-attention
SPARE = 0.6  # part of the free memory that may be used


def pictures_at_once(unet: Any, shape: tuple[int, ...], settings: Settings) -> int:
    """How many fit. shape: (1, C, h, w) of one latent; at least 1."""
    weight = next(unet.parameters())
    if weight.device.type != "cuda":
        return MOST
    free, _ = torch.cuda.mem_get_info(weight.device)
    free += torch.cuda.memory_reserved(weight.device) - torch.cuda.memory_allocated(weight.device)
    rows = len(Guidance.of(settings).branches)
    held = HELD * (INJECTED if settings.injection > 0 else 1)
    one = held * weight.shape[0] * weight.element_size() * shape[-1] * shape[-2] * rows
    return max(1, min(MOST, int(SPARE * free / one)))


def in_parts(
    jobs: Sequence[Settings], count: int, sample: Callable[[Sequence[Settings], int], Tensor],
    make_room: Callable[[], None],
) -> Iterator[Tensor]:
    """The latent [1, C, h, w] of every job; `sample` takes up to `count` of them, and the place of the first.

    Where memory is short after all, `make_room` is called and half as many are taken, down to one.
    """
    done = 0
    while done < len(jobs):
        part = jobs[done:done + count]
        try:
            latents = sample(part, done)
        except torch.cuda.OutOfMemoryError:
            if len(part) == 1:
                raise
            count = len(part) // 2
            latents = None  # outside of `except`, which holds on to what lies on the device
        if latents is None:
            make_room()
            continue
        yield from torch.split(latents, 1)
        done += len(part)

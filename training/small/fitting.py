"""How much a warm-up draws and sees, and the short training by AdamW that it consists of."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Effort:
    """How much is drawn and seen; --help has the words."""

    drawings: int = 12_000
    reference_images: int = 96_000
    sketch_images: int = 24_000
    batch_size: int = 32
    lr: float = 6e-4  # cosine to a fiftieth
    seed: int = 0


def fit(
    parameters: Sequence[nn.Parameter], loss: Callable[[np.ndarray, bool], Tensor], images: int, count: int,
    plan: Effort,
) -> Iterator[tuple[int, float]]:
    """Minimise loss(samples, mirrored) by AdamW; yields (images, mean loss) now and then. count: of samples."""
    optimizer = torch.optim.AdamW(parameters, lr=plan.lr, weight_decay=1e-2)
    rng, steps, since = np.random.default_rng(plan.seed), max(1, images // plan.batch_size), 0.0
    every = max(1, steps // 8)
    for step in range(steps):
        rate = min(1.0, (step + 1) / 50) * (0.5 * (1 + math.cos(math.pi * step / steps)) + 0.02)
        optimizer.param_groups[0]["lr"] = plan.lr * rate
        value = loss(rng.integers(0, count, plan.batch_size), bool(rng.random() < 0.5))
        optimizer.zero_grad()
        torch.autograd.backward(value)
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        since += float(value.detach())
        if (step + 1) % every == 0:
            yield (step + 1) * plan.batch_size, since / every
            since = 0.0


def mirror(x: Tensor, mirrored: bool) -> Tensor:
    return x.flip(-1) if mirrored else x

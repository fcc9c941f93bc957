"""What the training loop gets for one step."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """B samples of one bucket. `color` or (`mean`, `std`) is there, and `reference` or `tokens`."""

    sketch: Tensor  # [B, 3, H, W] in [-1, 1], lines +1 on -1; margins (centre crop of the sketch alone) erased
    color: Tensor | None = None  # [B, 3, H, W] in [-1, 1], ground truth; None: its latent is cached
    mean: Tensor | None = None  # [B, 4, h, w] scaled mean of the posterior; None: not cached
    std: Tensor | None = None  # [B, 4, h, w] scaled standard deviation of the posterior
    reference: Tensor | None = None  # [B, 3, S, T] in [-1, 1], the whole ground truth or another picture; None: cached
    tokens: Tensor | None = None  # [B, 1 + N, D] all tokens of the reference, CLS first; None: not cached

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Batch:
        """The same on a device."""
        def moved(tensor: Tensor | None) -> Tensor | None:
            return None if tensor is None else tensor.to(device, non_blocking=non_blocking)

        sketch = self.sketch.to(device, non_blocking=non_blocking)
        return Batch(sketch, *(moved(getattr(self, f.name)) for f in fields(self)[1:]))

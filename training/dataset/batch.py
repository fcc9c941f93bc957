"""What the training loop gets for one step."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """B samples of one bucket. `color` or (`mean`, `std`) is there, and `reference` or `tokens`.

    Pictures are in [-1, 1], or still the bytes that were read (uint8, sketches black on white): these go to a device
    in a quarter of the time, and `scaled` makes numbers of them there.
    """

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

    def scaled(self) -> Batch:
        """The same with numbers in place of bytes."""
        color = None if self.color is None else scaled(self.color)
        reference = color
        if self.reference is not self.color:
            reference = None if self.reference is None else scaled(self.reference)
        sketch = scaled_lines(self.sketch) if self.sketch.dtype == torch.uint8 else self.sketch
        return replace(self, sketch=sketch, color=color, reference=reference)


def scaled(pictures: Tensor) -> Tensor:
    """Bytes [B, 3, H, W] -> float32 in [-1, 1], grey ones (an expanded axis) one channel in memory as they are."""
    if pictures.dtype != torch.uint8:
        return pictures
    once = pictures[:, :1] if pictures.stride(1) == 0 else pictures
    return once.float().div_(127.5).sub_(1).expand(pictures.shape)


def scaled_lines(sketches: Tensor) -> Tensor:
    """Bytes [B, 3, H, W], black lines on white -> float32, lines +1 on -1."""
    x = scaled(sketches)
    return -x if x.stride(1) else (-x[:, :1]).expand_as(x)

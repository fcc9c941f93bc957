"""v2: what each output block gives, scaled and shifted by a picture's style (variants.md section 3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn


class Style(nn.ModuleList):
    """y [1, 2c] of a picture, time embedding [B, E] -> scale, shift [B, c]; keys as below `style_modules.i.`."""

    def __init__(self, channels: int, time_width: int) -> None:
        both = 2 * channels
        super().__init__([nn.LayerNorm(both), nn.Linear(time_width, both), nn.Linear(both, both)])

    def forward(self, y: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
        norm, of_time, out = self
        scale, shift = out(norm(y + of_time(time))).chunk(2, dim=-1)
        return scale, shift


class StyleHook:
    """Forward hook of one output block, its up-sampling included: h (1 + scale) + shift."""

    def __init__(self, style: Style, y: Tensor, time: Callable[[], Tensor]) -> None:
        """time: gives the time embedding [B or 1, E] of the call."""
        self.style, self.time = style, time
        self.y = y.clone()  # a captured step is shown the next job's in it
        self._kept: tuple[object, Tensor] | None = None

    def constants(self, like: Tensor) -> tuple[Tensor, ...]:
        """y, on the device and in the type of the weights; kept over the steps."""
        weight: Any = self.style[1].weight
        made_for = (like.device, weight.dtype)
        if self._kept is None or self._kept[0] != made_for:
            self._kept = made_for, self.y.to(like.device, weight.dtype)
        return (self._kept[1],)

    def __call__(self, module: nn.Module, args: object, output: Tensor) -> Tensor:
        y, = self.constants(output)
        scale, shift = (part.to(output.dtype)[..., None, None] for part in self.style(y, self.time().to(y.dtype)))
        return torch.addcmul(output + shift, output, scale)


def styles_of(channels: Sequence[int], time_width: int) -> nn.ModuleList:
    """One for each output block, by the channels that it gives."""
    return nn.ModuleList([Style(c, time_width) for c in channels])

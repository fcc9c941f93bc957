"""What a checkpoint has besides v1's networks, ready to run: what acts in each step, and what is read when needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import nn

from ..schedule import Prediction
from .lora import AttentionLoras

NO_LORAS = AttentionLoras({})
USUAL = {"v1.5": Prediction.EPS, "v2": Prediction.V}  # what the released files predict, where a trial does not tell


def _nothing(part: str) -> nn.Module:
    raise KeyError(part)


@dataclass(frozen=True)
class Variant:
    """name: "v1", "v1.5" or "v2". figure, background: LoRA of each role; warps, styles: v2's, one an output block.

    load: reads a network anew by its part's name (`parts.py`); it is used, and gone before sampling.
    """

    name: str = "v1"
    figure: AttentionLoras = NO_LORAS
    background: AttentionLoras = NO_LORAS
    warps: nn.ModuleList | None = None
    styles: nn.ModuleList | None = None
    load: Callable[[str], nn.Module] = _nothing

    def to(self, device: torch.device, dtype: torch.dtype) -> Variant:
        """On that device, in that type; norms in float32 stay so where the modules are (`networks.load_network`)."""
        for modules in (self.warps, self.styles):
            if modules is not None:
                modules.to(device, dtype)
        return replace(self, figure=self.figure.to(device, dtype), background=self.background.to(device, dtype))


V1 = Variant()

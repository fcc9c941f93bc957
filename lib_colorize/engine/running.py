"""How an engine's networks compute: in which type and layout, what is known beforehand, what is captured."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from ..method.schedule import NoiseSchedule
from ..method.sketch_encoder import SketchEncoder
from ..method.unet import UNet
from .step_graph import StepGraphs
from .time_table import TimeTable


@dataclass
class Running:
    """autocast: half precision of a U-Net that is not ours; times: None = each step makes its own, as on a CPU in
    float32, where a picture stays what it was; graphs: None = nothing is captured.
    """

    device: torch.device
    dtype: torch.dtype
    autocast: bool
    times: TimeTable | None
    graphs: StepGraphs | None

    @classmethod
    def prepare(cls, unet: Any, sketch_encoder: SketchEncoder, schedule: NoiseSchedule) -> Running:
        """Our own networks compute in their weights' type; where a launch costs, in channels_last and captured."""
        weight = next(unet.parameters())
        half, device, where = weight.dtype != torch.float32, weight.device.type, (weight.device, weight.dtype)
        if not isinstance(unet, UNet):
            return cls(*where, half, None, None)
        if device == "cpu" and not half:
            return cls(*where, False, None, None)
        layout = torch.channels_last if device in ("cpu", "cuda") else torch.preserve_format
        for network in (unet, sketch_encoder):
            network.to(weight.dtype).to(memory_format=layout)  # norms too, which sum in float32 all the same
        return cls(*where, False, TimeTable(unet, schedule), StepGraphs() if device == "cuda" else None)

    @contextlib.contextmanager
    def precision(self, autocast: bool | None = None) -> Iterator[None]:
        """Without a gradient. Autocast keeps norms and sums of a network in float32 that does not do so itself."""
        half = self.autocast if autocast is None else autocast
        with torch.no_grad(), torch.autocast(self.device.type, self.dtype) if half else contextlib.nullcontext():
            yield

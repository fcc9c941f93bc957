"""What our U-Net needs to know of each noise level, made for all levels of a job at once and kept on the device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ..method.schedule import NoiseSchedule
from ..method.unet import UNet

KEPT = 512  # levels; three jobs of the most steps


class TimeRow(NamedTuple):
    """One level. t: for decisions; sigma: [1], float32; shifts: [1, sum of C_out] of `UNet.shifts`; time: [1, E], the
    time embedding itself; on the device.
    """

    t: float
    sigma: Tensor
    shifts: Tensor
    time: Tensor


class TimeTable:
    """Rows by sigma. The U-Net's weights must stay as they are."""

    def __init__(self, unet: UNet, schedule: NoiseSchedule) -> None:
        self._unet, self._schedule = unet, schedule
        self._rows: dict[float, TimeRow] = {}

    def prepare(self, sigmas: Sequence[float]) -> None:
        """Make all rows that are missing in one go."""
        missing = [sigma for sigma in dict.fromkeys(sigmas) if sigma not in self._rows]
        if not missing:
            return
        if len(self._rows) + len(missing) > KEPT:
            self._rows.clear()
        device = next(self._unet.parameters()).device
        levels = torch.tensor(missing)
        t = self._schedule.t_of_sigma(levels)
        with torch.no_grad():
            time = self._unet.embedded(t.to(device))
            known = (torch.split(of_levels, 1) for of_levels in (levels.to(device), self._unet.shifts(time), time))
        rows = (TimeRow(*row) for row in zip(t.tolist(), *known))
        self._rows.update(zip(missing, rows))

    def row(self, sigma: float) -> TimeRow:
        """The row of a level, made now if it was not foreseen."""
        self.prepare([sigma])
        return self._rows[sigma]

"""The U-Net's time of a noise level, worked out where the sampler keeps the level: at every step, and nobody waits."""

from __future__ import annotations

import torch
from torch import Tensor

SEARCHING = ("cpu", "cuda", "xpu")  # devices that are known to search a table; others have it done on the CPU
LEAST = 1e-30  # for the slope of the interval up to an infinite level (zero SNR): only infinity itself is its end


class Times:
    """t over log sigma, linear between the steps of a schedule, as A1111, k-diffusion and the authors have it."""

    def __init__(self, log_sigmas: Tensor, device: torch.device) -> None:
        """log_sigmas: [T], rising; device: of the levels that will be asked for."""
        self.log_sigmas, self.device = log_sigmas, device  # what it was made of
        where = device if device.type in SEARCHING else torch.device("cpu")
        table = log_sigmas.detach().double().cpu()
        low = torch.arange(len(table) - 1, dtype=torch.float64)
        slope = (1 / table.diff()).clamp(min=LEAST)
        lines = torch.stack([low - (slope > LEAST) * slope * table[:-1], slope], -1)  # t = line[0] + line[1] log sigma
        self._inner, self._lines, self._last = table[1:-1].float().to(where), lines.float().to(where), len(table) - 1

    def of(self, sigma: Tensor) -> Tensor:
        """sigma: any shape, >= 0 -> t as float, of that shape, from 0 to T - 1."""
        log_sigma = sigma.to(self._lines.device).float().log()
        start, slope = self._lines[torch.searchsorted(self._inner, log_sigma, right=True)].unbind(-1)
        return torch.addcmul(start, slope, log_sigma).clamp(0, self._last).to(sigma.device)

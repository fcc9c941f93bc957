"""A guided step of a canvas in windows: each is predicted alone, and what they say is averaged where they overlap.

That is MultiDiffusion (Bar-Tal et al., ICML 2023, eq. 5), with weights that fall towards the edges of a window (Jimenez
2023, Mixture of Diffusers). What is averaged is x0; at one x and sigma the mean of eps is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import torch
from torch import Tensor

from .guided_step import GuidedStep
from .windows import Window


class TiledStep:
    """(x [P, C, H, W], sigma [1 or P], all the same) -> x0, as a GuidedStep of the whole canvas; on its device."""

    def __init__(
        self, windows: Sequence[Window], steps: Sequence[GuidedStep | None],
        open_step: Callable[[GuidedStep], AbstractContextManager[object]],
    ) -> None:
        """steps: one for each window, None = nothing is drawn there, and it stays as it was begun: a model shown paper
        alone paints what it likes. open_step: inside, the U-Net shows what that step is of.
        """
        self.windows, self._steps, self._open = windows, steps, open_step
        self.steps = [step for step in steps if step is not None]
        self._begun: Tensor | None = None
        self._weights: tuple[list[Tensor], Tensor] | None = None

    def begin(self, latents: Tensor | None) -> None:
        """Before a run: what it begins from [P, C, H, W]."""
        self._begun = latents

    def start(self, seeds: Sequence[int]) -> None:
        """As of GuidedStep."""
        for step in self.steps:
            step.start(seeds)

    def prepare(self, sigmas: Sequence[float]) -> None:
        """As of GuidedStep: all windows share one table of times."""
        for step in self.steps[:1]:
            step.prepare(sigmas)

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        total, (owns, weight) = torch.zeros_like(x), self._weights_like(x)
        for window, step, own in zip(self.windows, self._steps, owns):
            window.of(total).add_(self._seen(window, step, x, sigma) * own)
        return total / weight

    def _weights_like(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        """[h, w] of each window and their sum [1, 1, H, W], where x is and of its dtype; made once."""
        if self._weights is None:
            owns, whole = [window.weights().to(x) for window in self.windows], torch.zeros_like(x[:1, :1])
            for window, own in zip(self.windows, owns):
                window.of(whole).add_(own)
            self._weights = owns, whole
        return self._weights

    def _seen(self, window: Window, step: GuidedStep | None, x: Tensor, sigma: Tensor) -> Tensor:
        if step is None and self._begun is not None:
            return window.of(self._begun).to(x)
        assert step is not None  # what begins from nothing has a step for every window
        with self._open(step):
            found = step(window.of(x).contiguous(), sigma)
        step.attachment.forget()  # the memory of one window, however many there are
        return found

"""The guided U-Net as k-diffusion asks for it: noisy latents and their sigma -> denoised latents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..method.attach import Attachment
from ..method.guidance import Branch, Guidance
from ..method.schedule import NoiseSchedule, Prediction, denoised
from ..method.settings import Settings
from .step_graph import StepGraphs
from .time_table import TimeTable


class GuidedStep:
    """(x [P, C, h, w], sigma [1 or P], all the same) -> x0. To be called inside `attachment.applied`.

    The sigma decides what is computed, so that it should lie on the CPU: elsewhere it has to be waited for.
    """

    def __init__(
        self, unet: Any, attachment: Attachment, settings: Settings, schedule: NoiseSchedule, prediction: Prediction,
        has_reference: bool,
    ) -> None:
        self.unet, self.attachment, self.settings = unet, attachment, settings
        self.schedule, self.prediction, self.has_reference = schedule, prediction, has_reference

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        sigma = sigma.cpu()
        t = self.schedule.t_of_sigma(sigma)
        guidance = self.look_at(float(t[0]))
        rows = self.attachment.attached.branches = guidance.branches
        self.inject(*self.injected(float(t[0]), len(x) * len(rows)))
        every_t = t.expand(len(x)).repeat(len(rows)).to(x.device)
        return self.denoise(x, sigma.to(x.device), rows, guidance, lambda y: self.unet(y, every_t, None))

    def start(self, seeds: Sequence[int]) -> None:
        """Before a run: what is random in a step is that of pictures of these seeds, from its beginning."""
        if self.attachment.injection is not None:
            self.attachment.injection.start(seeds)

    def injected(self, t: float, rows: int) -> tuple[Tensor, ...]:
        """What is injected at t [P, C, h, w]; nothing where injection does not act."""
        injection = self.attachment.injection
        return (injection.latents_at(t, rows),) if injection is not None and injection.acts else ()

    def inject(self, *injected: Tensor) -> None:
        """For the coming call of the U-Net."""
        if self.attachment.injection is not None:
            self.attachment.injection.given = injected[0] if injected else None

    def prepare(self, sigmas: Sequence[float]) -> None:
        """Told before which sigmas will be asked for."""

    def look_at(self, t: float) -> Guidance:
        """Sets the progress of a step at t, and says what has to be predicted there."""
        attached = self.attachment.attached
        attached.progress = 1 - t / (len(self.schedule.sigmas) - 1)
        acts = self.has_reference and self.settings.uses_reference_at(attached.progress)
        return Guidance.of(self.settings, acts)

    def denoise(self, x: Tensor, sigma: Tensor, rows: Sequence[Branch], guidance: Guidance, unet: Any) -> Tensor:
        """unet: rows of scaled latents -> their outputs."""
        scaled = x / (1 + sigma.view(-1, 1, 1, 1) ** 2).sqrt()
        output = unet(scaled.repeat(len(rows), 1, 1, 1)).to(x.dtype)
        guided = guidance.guide(dict(zip(rows, output.chunk(len(rows)))))
        return denoised(x, guided, sigma, self.prediction)


class DeviceStep(GuidedStep):
    """The same for our own U-Net, wherever there is a launch to save: times known beforehand, captured on CUDA."""

    def __init__(self, *of_step: Any, times: TimeTable, graphs: StepGraphs | None) -> None:
        """of_step: as of GuidedStep; graphs: None = nothing is captured."""
        super().__init__(*of_step)
        self.times, self.graphs = times, graphs

    def prepare(self, sigmas: Sequence[float]) -> None:
        self.times.prepare(sigmas)

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        t, *known = self.times.row(float(sigma[0]))
        decoder = self.attachment.decoder
        guidance = self.look_at(t)
        # rows with a reference side by side
        rows = tuple(sorted(guidance.branches, key=lambda branch: branch is Branch.NO_REFERENCE))
        self.attachment.attached.branches = rows

        def step(x: Tensor, sigma: Tensor, shifts: Tensor, time: Tensor, *injected: Tensor) -> Tensor:
            decoder.time = time
            self.inject(*injected)
            return self.denoise(x, sigma, rows, guidance, lambda y: self.unet(y, sigma, shifts=shifts))

        inputs = (x, *known, *self.injected(t, len(x) * len(rows)))
        if self.graphs is None:
            return step(*inputs)
        injection = self.attachment.injection
        weights = injection.weights if injection is not None and injection.acts else None
        key = (rows, tuple(guidance.weights.items()), guidance.scale, self.prediction, self.settings.block_scales(),
               weights, self.attachment.structure)
        like = torch.empty(1, 2, 2, 2, dtype=self.unet.dtype, device=x.device, memory_format=torch.channels_last)
        return self.graphs.run(key, step, inputs, self.attachment, len(x) * len(rows), like)

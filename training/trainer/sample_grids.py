"""Sample grids of a run, sketch | reference | result, over the samplers and the guidance of the standalone engine.

They call the model as training does, as a whole, so that they work under every kind of distribution and for the
networks of Table 1 too. All processes must call them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from PIL import Image
from torch import Tensor

from lib_colorize.engine import samplers
from lib_colorize.engine.contact_sheet import contact_sheet
from lib_colorize.engine.noise import first_noise, step_noise
from lib_colorize.method.guidance import Branch, Guidance
from lib_colorize.method.schedule import MIN_ALPHA, NoiseSchedule, Prediction
from lib_colorize.method.settings import Settings
from lib_colorize.pictures.images import to_image
from training.dataset.batch import Batch
from training.dataset.pairs import Pairs
from training.trainer.frozen_encoders import FrozenEncoders
from training.trainer.objective import Objective, drop_reference

COLUMNS = ("sketch", "its reference", "result", "another reference", "result")


@torch.no_grad()
def colorize(
    model: Callable[..., Tensor], schedule: NoiseSchedule, prediction: Prediction, reference: Tensor, sketch: Tensor,
    latent: tuple[int, int, int], settings: Settings,
) -> Tensor:
    """The latent [1, C, h, w] that settings.seed gives. reference: as Model takes it, one row; sketch: [1, 3, H, W].

    latent: (C, h, w) of the sketch's size. Guidance as in method.md section 2: the branch without a reference sees a
    context of zeros, that without a sketch the blank one.
    """
    schedule = NoiseSchedule(schedule.alphas_cumprod.clamp(min=MIN_ALPHA))
    guidance = Guidance.of(settings)
    rows = guidance.branches
    count = len(rows)
    shown = torch.tensor([float(branch is not Branch.NO_REFERENCE) for branch in rows], device=sketch.device)
    sketches = torch.cat([torch.full_like(sketch, -1.0) if branch is Branch.NO_SKETCH else sketch for branch in rows])
    references = reference.repeat(count, *[1] * (reference.ndim - 1))

    def hide(context: Tensor) -> Tensor:
        return drop_reference(context, shown)

    def denoise(x: Tensor, sigma: Tensor) -> Tensor:
        t = schedule.t_of_sigma(sigma)
        scaled = x / (1 + sigma.view(-1, 1, 1, 1) ** 2).sqrt()
        output = model(scaled.repeat(count, 1, 1, 1), t.repeat(count), sketches, references, hide).float()
        return schedule.x0(scaled, guidance.guide(dict(zip(rows, output.chunk(count)))), t, prediction)

    sigmas = samplers.noise_levels(settings.sampler, settings.scheduler, settings.steps, schedule).to(sketch.device)
    x_T, generator = first_noise((1, *latent), settings.seed)
    x_T = x_T.to(sketch.device)
    noise = step_noise(settings.sampler, x_T, sigmas, settings.seed, generator)
    return samplers.run_sampler(settings.sampler, denoise, x_T, sigmas, noise)


@dataclass(frozen=True)
class Examples:
    """The pairs of every grid of a run, each [1, ...]: always the same samples, seeds and noise."""

    batches: tuple[Batch, ...]

    @classmethod
    def of(cls, pairs: Pairs, count: int) -> Examples:
        """The first pictures, each as epoch 0 shows it."""
        return cls(tuple(pairs.batch([i], 0, 0) for i in range(min(count, len(pairs)))))


def sample_grid(
    model: Callable[..., Tensor], examples: Examples, encoders: FrozenEncoders, objective: Objective,
    device: torch.device, steps: int,
) -> Image.Image:
    """One row for each pair: its own reference, then the next pair's; captions say with which guidance."""
    batches = [batch.to(device) for batch in examples.batches]
    settings = Settings(steps=steps)
    rows = []
    for i, batch in enumerate(batches):
        row = [to_image(-batch.sketch[0])]
        for other in (batch, batches[(i + 1) % len(batches)]):
            _, *latent = encoders.moments(batch)[0].shape
            x = colorize(model, objective.schedule, objective.prediction, encoders.reference(other), batch.sketch,
                         (latent[0], latent[1], latent[2]), replace(settings, seed=i))
            row += [_picture(other, encoders), _decoded(x, encoders)]
        rows.append(row)
    result = f"result, guidance {settings.reference_guidance:g}"
    side = max(max(picture.size) for row in rows for picture in row)
    return contact_sheet(rows, [result if title == "result" else title for title in COLUMNS], side=side)


def _picture(batch: Batch, encoders: FrozenEncoders) -> Image.Image:
    """The reference itself, or what its cached latent decodes to."""
    pictures = batch.reference if batch.reference is not None else batch.color
    return to_image(pictures[0]) if pictures is not None else _decoded(encoders.moments(batch)[0], encoders)


@torch.no_grad()
def _decoded(latent: Tensor, encoders: FrozenEncoders) -> Image.Image:
    assert encoders.vae is not None, "grids are drawn of runs that have a VAE"
    return to_image(encoders.vae.decode(latent)[0])

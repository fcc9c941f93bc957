"""Many different sketches and references of one size in one sampling: what fills a GPU that one picture does not."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..method.settings import Settings
from . import samplers
from .engine import Engine


def colorize_together(
    engine: Engine, drawings: Tensor, tokens: Tensor | None, jobs: Sequence[Settings],
) -> Tensor:
    """P sketches by P references -> pictures [P, 3, H, W], about [-1, 1], float32 on the engine's device.

    drawings: [P, 3, H, W] in [-1, 1], lines +1 on -1; tokens: [P, 1 + N, D], all that the reference encoder gives;
    jobs: settings, which differ in their seeds alone. In float32 each picture is within 1/255 of the one made
    alone: its noise comes from its own seed, and only the rounding of convolutions knows the others. (DPM
    adaptive takes the steps that the worst of a batch needs, so that its pictures are sampled one by one.)
    """
    if len(jobs) > 1 and samplers.find_sampler(jobs[0].sampler).adaptive:
        return torch.cat([
            colorize_together(engine, drawings[i:i + 1], None if tokens is None else tokens[i:i + 1], [job])
            for i, job in enumerate(jobs)])
    conditioning = engine.condition(drawings, tokens, jobs[0])
    factor = engine.vae.factor
    shape = (1, engine.unet.in_channels, drawings.shape[2] // factor, drawings.shape[3] // factor)
    with engine.denoiser(conditioning, jobs[0]) as denoise:
        latents = engine.sample_seeds(denoise, jobs, shape)
    return engine.decode(latents)

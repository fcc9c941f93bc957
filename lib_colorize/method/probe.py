"""Tell what a U-Net predicts, eps or v, by one forward pass, where neither file nor user says it."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .attach import attach
from .conditioning import Branch, encode
from .schedule import NoiseSchedule, Prediction, alphas_cumprod
from .settings import Settings
from .sketch_encoder import SketchEncoder

SIDE = 256  # pixels of the trial, at most
Call = Callable[[Tensor, Tensor], Tensor]  # (x [B, C, h, w], whole t [B]) -> the U-Net's output


@torch.no_grad()
def probe_unet(
    unet: nn.Module, sketch_encoder: SketchEncoder, call: Call, schedule: NoiseSchedule, latent_channels: int,
    resolution: int, multiple: int, factor: int = 8,
) -> Prediction | None:
    """`probe_prediction` of a U-Net with a blank sketch and no reference, on the sketch encoder's device.

    call: runs `unet` as its host does. resolution: the model's, in pixels; multiple: of its sides; factor: pixels of a
    picture per pixel of a latent.
    """
    side = min(resolution, SIDE) // multiple * multiple or multiple
    weight = next(sketch_encoder.parameters())
    blank = torch.full((1, weight.shape[1], side, side), -1.0)
    settings = Settings(reference_guidance=1.0)
    with attach(unet, encode(sketch_encoder, blank.to(weight.device), None, settings), settings) as attached:

        def shown(x: Tensor, t: Tensor) -> Tensor:
            attached.branches = (Branch.FULL,) * len(x)
            return call(x.to(weight.device), t.to(weight.device)).float().cpu()

        latent = (latent_channels, side // factor, side // factor)
        return probe_prediction(shown, latent, torch.Generator("cpu").manual_seed(0), schedule)


def probe_prediction(
    unet_call: Call, latent_shape: tuple[int, int, int], generator: torch.Generator,
    schedule: NoiseSchedule | None = None,
) -> Prediction | None:
    """Tell eps from v by one forward pass of two rows; None = undecided, then the user has to say.

    unet_call: (x [2, C, h, w], t [2] whole) -> output [2, C, h, w], without a reference; latent_shape: (C, h, w).
    Row 0 is noise at t = T - 1. There eps is nearly x itself (slope of the output on the noise near 1), and v nearly
    -x0, a guess that does not know x (slope near 0). A slope near 0 is also what an untrained network gives, so that
    row 1 asks whether the network denoises at all: a flat picture at t = T / 2, of which eps and v both show the noise.
    """
    schedule = schedule or NoiseSchedule(alphas_cumprod())
    steps = len(schedule.alphas_cumprod)
    t = torch.tensor([steps - 1, steps // 2], device=generator.device)
    noise = torch.randn((2, *latent_shape), generator=generator, device=generator.device)
    x = schedule.add_noise(torch.zeros_like(noise), noise, t)
    with torch.no_grad():
        output = unet_call(x, t).to(x)
    if output.shape != x.shape or not bool(output.isfinite().all()):
        return None
    (slope, correlation), (_, denoises) = (_fit(o, n) for o, n in zip(output, noise))
    if denoises < 0.5:
        return None
    if correlation > 0.8 and 0.7 < slope < 1.3:
        return Prediction.EPS
    return Prediction.V if abs(slope) < 0.4 else None


def _fit(output: Tensor, noise: Tensor) -> tuple[float, float]:
    """Slope and correlation of one row's output on its noise, in fine detail alone: the guess of x0 is smooth."""
    a, b = (z - F.avg_pool2d(z, 3, 1, 1, count_include_pad=False) for z in (output, noise))
    dot = float((a * b).sum())
    return dot / float((b * b).sum()), dot / (float(a.norm() * b.norm()) or 1.0)

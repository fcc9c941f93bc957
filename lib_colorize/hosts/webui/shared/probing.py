"""Tell a loaded model's prediction type by one forward pass, where neither file nor user says it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import torch
from torch import Tensor, nn

from ....checkpoint.metadata import Schedule
from ....method.attach import Attachment
from ....method.conditioning import Branch, encode
from ....method.schedule import NoiseSchedule, Prediction, alphas_cumprod, probe_prediction
from ....method.settings import Settings
from ...checkpoints import ColorizeFile, sketch_encoder

SIDE = 256  # pixels, at most
MIN_ALPHA = 5e-8  # a zero-terminal-SNR schedule would start from an infinite sigma; this is sigma 4472
Call = Callable[[Tensor, Tensor], Tensor]  # (x [B, C, h, w], t [B]) -> the U-Net's output, whatever the device


@torch.no_grad()
def probe_loaded(file: ColorizeFile, unet: nn.Module, call: Call, device: torch.device) -> Prediction | None:
    """None when the pass does not tell. call: runs `unet` as the host does."""
    card = file.usable()
    multiple = 8 * 2 ** (len(card.config.unet.channel_mult) - 1)
    side = min(card.resolution, SIDE) // multiple * multiple or multiple
    settings = Settings(reference_guidance=1.0)
    blank = torch.full((1, 3, side, side), -1.0)
    conditioning = encode(sketch_encoder(file).to(device), blank.to(device), None, None, settings)
    with Attachment(unet, conditioning, settings).applied() as attached:

        def shown(x: Tensor, t: Tensor) -> Tensor:
            attached.branches = (Branch.FULL,) * len(x)
            return call(x.to(device), t.to(device)).float().cpu()

        latent = (card.config.unet.in_channels, side // 8, side // 8)
        schedule = NoiseSchedule(alphas_of(card.schedule))
        return probe_prediction(shown, latent, torch.Generator("cpu").manual_seed(0), schedule)


def alphas_of(schedule: Schedule) -> Tensor:
    """alphas_cumprod [T] of a file's noise schedule, finite at its end."""
    return alphas_cumprod(**asdict(schedule)).clamp(min=MIN_ALPHA)

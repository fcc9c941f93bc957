"""The prediction type of a model that a host has loaded, by a trial, where neither file nor user says it."""

from __future__ import annotations

from dataclasses import asdict

import torch
from torch import nn

from ....method.probe import Call, probe_unet
from ....method.schedule import NoiseSchedule, Prediction, sampled_alphas
from ...checkpoints import ColorizeFile, sketch_encoder


def probe_loaded(file: ColorizeFile, unet: nn.Module, call: Call, device: torch.device) -> Prediction | None:
    """None when the pass does not tell. call: runs `unet` as the host does."""
    card = file.usable()
    sizes, encoder = card.config.unet, sketch_encoder(file).to(device)
    schedule = NoiseSchedule(sampled_alphas(**asdict(card.schedule)))
    multiple = 8 * 2 ** (len(sizes.channel_mult) - 1)
    return probe_unet(unet, encoder, call, schedule, sizes.in_channels, card.resolution, multiple)

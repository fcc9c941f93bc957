"""The training objective as pure functions: token noise (eq. 1), drops, the diffusion loss. No randomness inside."""

from __future__ import annotations

import enum

import torch
from torch import Tensor

from lib_colorize.schedule import NoiseSchedule, Prediction


class TokenNoise(enum.Enum):
    """How much noise the reference tokens get at step t."""

    NONE = "none"
    PAPER = "paper"  # the image's own noise level: eq. 1, WACV 2025
    RELEASED = "released"  # the released trainer: for t >= 0.9 T the level of T - 1 - t instead, which is nearly none


def token_noise_step(t: Tensor, steps: int, kind: TokenNoise) -> Tensor:
    """The step whose noise level the tokens get; t: [B] whole, 0 .. steps - 1."""
    if kind is TokenNoise.RELEASED:
        return torch.where(t >= int(0.9 * steps), steps - 1 - t, t)
    return t


def noisy_tokens(
    tokens: Tensor, t: Tensor, noise: Tensor, schedule: NoiseSchedule, kind: TokenNoise = TokenNoise.PAPER,
) -> Tensor:
    """Eq. 1: tau_t = sqrt(abar_t) tau + sqrt(1 - abar_t) eps_r. tokens, noise: [B, N, D]; t: [B] whole."""
    if kind is TokenNoise.NONE:
        return tokens
    return schedule.add_noise(tokens, noise, token_noise_step(t, len(schedule.alphas_cumprod), kind))


def drop_reference(tokens: Tensor, keep: Tensor) -> Tensor:
    """All-zero tokens for the samples that are dropped; keep: [B] of 0 and 1. No rescaling of the kept ones."""
    return tokens * keep.to(tokens).view(-1, 1, 1)


def drop_sketch(sketch: Tensor, keep: Tensor) -> Tensor:
    """Blank paper (-1) for the samples that are dropped; sketch: [B, 3, H, W]; keep: [B] of 0 and 1."""
    return torch.where(keep.bool().view(-1, 1, 1, 1), sketch, torch.full_like(sketch, -1.0))


def erase_margins(sketch: Tensor, margins: Tensor) -> Tensor:
    """Centre crop of the sketch alone (section 4.1): its margins become paper, the ground truth keeps its own.

    sketch: [B, 3, H, W]; margins: [B, 2] pixels off top and bottom, and off left and right.
    """
    height, width = sketch.shape[-2:]
    rows, columns = torch.arange(height), torch.arange(width)
    vertical = (rows >= margins[:, :1]) & (rows < height - margins[:, :1])  # [B, H]
    horizontal = (columns >= margins[:, 1:]) & (columns < width - margins[:, 1:])  # [B, W]
    inside = vertical[:, None, :, None] & horizontal[:, None, None, :]
    return torch.where(inside.to(sketch.device), sketch, torch.full_like(sketch, -1.0))


def offset_noise(noise: Tensor, offset: Tensor, level: float) -> Tensor:
    """noise: [B, C, h, w] plus `level` times one draw per sample and channel, offset: [B, C]; part of the target."""
    return noise + level * offset[:, :, None, None]


def snr_weights(t: Tensor, schedule: NoiseSchedule, prediction: Prediction, gamma: float) -> Tensor:
    """Min-SNR weights [B] as the released trainer has them: min(snr, gamma) / snr, with snr + 1 for v.

    Published Min-SNR (arXiv 2303.09556) has min(snr, gamma) / (snr + 1) for v; the difference is the +1 above.
    """
    abar = schedule.alphas_cumprod.to(t.device)[t]
    snr = abar / (1 - abar) + (1.0 if prediction is Prediction.V else 0.0)
    return snr.clamp(max=gamma) / snr


def diffusion_loss(
    output: Tensor, x0: Tensor, noise: Tensor, t: Tensor, schedule: NoiseSchedule, prediction: Prediction,
    gamma: float = 0.0,
) -> Tensor:
    """Mean squared error per sample, [B], on eps or v; gamma > 0: min-SNR weights. output, x0, noise: [B, C, h, w]."""
    target = schedule.target(x0, noise, t, prediction)
    loss = (output - target).pow(2).flatten(1).mean(1)
    return loss * snr_weights(t, schedule, prediction, gamma) if gamma > 0 else loss

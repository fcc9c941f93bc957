"""The training objective as pure functions: token noise (eq. 1), drops, the diffusion loss. No randomness inside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from lib_colorize.method.schedule import NoiseSchedule, Prediction, alphas_cumprod
from training.trainer.frozen_encoders import Encoded
from training.trainer.random_draws import Draws
from training.trainer.recipe import Recipe
from training.trainer.recipe_parts import Loss, MinSNR, Stage, TokenNoise


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


def offset_noise(noise: Tensor, offset: Tensor, level: float) -> Tensor:
    """noise: [B, C, h, w] plus `level` times one draw per sample and channel, offset: [B, C]; part of the target."""
    return noise + level * offset[:, :, None, None]


def snr_weights(
    t: Tensor, schedule: NoiseSchedule, prediction: Prediction, gamma: float, form: MinSNR = MinSNR.RELEASED,
) -> Tensor:
    """Min-SNR weights [B]; eps: min(snr, gamma) / snr in both forms."""
    abar = schedule.alphas_cumprod.to(t.device)[t]
    snr = abar / (1 - abar)
    if prediction is Prediction.EPS:
        return snr.clamp(max=gamma) / snr
    top = snr + 1 if form is MinSNR.RELEASED else snr
    return top.clamp(max=gamma) / (snr + 1)


def diffusion_loss(
    output: Tensor, x0: Tensor, noise: Tensor, t: Tensor, schedule: NoiseSchedule, prediction: Prediction,
    gamma: float = 0.0, form: MinSNR = MinSNR.RELEASED,
) -> Tensor:
    """Mean squared error per sample, [B], on eps or v; gamma > 0: min-SNR weights. output, x0, noise: [B, C, h, w]."""
    target = schedule.target(x0, noise, t, prediction)
    loss = (output - target).pow(2).flatten(1).mean(1)
    return loss * snr_weights(t, schedule, prediction, gamma, form) if gamma > 0 else loss


def token_change(
    stage: Stage, t: Tensor, token_noise: Tensor, keep: Tensor, schedule: NoiseSchedule,
) -> Callable[[Tensor], Tensor]:
    """What a stage does to the context [B, N, D]: eq. 1, then the drops. keep: [B] uniform draws."""

    def change(context: Tensor) -> Tensor:
        if stage.token_noise is not TokenNoise.NONE:
            context = noisy_tokens(context, t, token_noise.to(context), schedule, stage.token_noise)
        return drop_reference(context, keep >= stage.drop_reference)

    return change


@dataclass(frozen=True)
class Objective:
    """What a run minimises, in every stage of it."""

    prediction: Prediction
    loss: Loss
    schedule: NoiseSchedule

    @classmethod
    def of(cls, recipe: Recipe, device: torch.device | str = "cpu") -> Objective:
        """A recipe's, its noise schedule on the device of the samples."""
        schedule = NoiseSchedule(alphas_cumprod(zero_snr=recipe.loss.zero_snr).to(device))
        return cls(recipe.prediction, recipe.loss, schedule)

    def losses(self, model: Callable[..., Tensor], encoded: Encoded, draws: Draws, stage: Stage) -> Tensor:
        """Loss per sample [B] of one stage; model: as networks.Model."""
        t, loss, schedule = draws.t, self.loss, self.schedule
        x0 = encoded.mean + encoded.std * draws.posterior
        noise = offset_noise(draws.noise, draws.offset, loss.offset_noise) if loss.offset_noise else draws.noise
        sketch = drop_sketch(encoded.sketch, draws.keep_sketch >= stage.drop_sketch)
        change = token_change(stage, t, draws.token_noise, draws.keep_reference, schedule)
        output = model(schedule.add_noise(x0, noise, t), t, sketch, encoded.reference, change)
        return diffusion_loss(
            output.float(), x0, noise, t, schedule, self.prediction, loss.min_snr, loss.min_snr_form)

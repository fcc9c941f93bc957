"""The networks of the small model while they learn: one prediction, one step, the moving average."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import fields

import numpy as np
import torch
from torch import Tensor, nn

from lib_colorize.engine.networks import AutoencoderKL
from lib_colorize.errors import ColorizeError
from lib_colorize.method.reference_encoder import ReferenceEncoder, preprocess
from lib_colorize.method.shown_tokens import shown_tokens
from training.small.labelled_drawings import CELL
from training.small.pair_window import Shown
from training.small.recorded_pass import RecordedPass
from training.small.vae_init import pass_colour
from training.small.warm_up_heads import ReferenceHead, reference_loss
from training.trainer.ema import EMA
from training.trainer.frozen_encoders import Encoded
from training.trainer.group_norm import norm_by_channels
from training.trainer.initial_weights import load_start, load_vae
from training.trainer.networks import Model
from training.trainer.norms import half_norms
from training.trainer.objective import Objective
from training.trainer.random_draws import Draws
from training.trainer.recipe import Recipe

NAMES = 0.02  # weight of the loss that keeps the tokens telling hair, skin, clothes and background


class Core(nn.Module):
    """What costs: sketch encoder and U-Net as one module, with static shapes."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.unet, self.sketch_encoder = model.unet, model.sketch_encoder

    def forward(self, x: Tensor, t: Tensor, sketch: Tensor, context: Tensor) -> Tensor:
        """x: [B, 4, h, w]; t: [B]; sketch: [B, 3, H, W]; context: [B, N, D] -> like x."""
        output: Tensor = self.unet(x, t, context=context, hints=self.sketch_encoder(sketch))
        return output


class Trainee:
    """Model, auto-encoder, optimizer and moving average on one device."""

    def __init__(self, recipe: Recipe, device: torch.device, seed: int, compiled: bool = False) -> None:
        torch.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed % 2**32)
        self.recipe, self.device, self.seed = recipe, device, seed
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = recipe.run.tf32
        torch.backends.cudnn.benchmark = True  # one size, thousands of steps
        self.model = Model(recipe)
        self.start = load_start(self.model, recipe)
        if self.model.reference_encoder is None or recipe.networks.vae is None:
            raise ColorizeError("make_small: the recipe's auto-encoder or reference encoder is another file; expected "
                                "both inside")
        vae = load_vae(recipe)
        self.from_nothing = vae is None
        if vae is None:
            vae = AutoencoderKL(recipe.networks.vae)
            pass_colour(vae)
        self.vae: AutoencoderKL = vae.to(device)
        self.vae.requires_grad_(False)
        self.model.to(device)
        self.model.to(memory_format=torch.channels_last)
        self.model.train()
        if device.type == "cuda" and recipe.run.precision == "bf16" and not compiled:
            half_norms(self.model)  # 1.28 times as many images a second on an H200
        self.head = token_head(self.model.reference_encoder, recipe.data.resolution).to(device)
        self.trained = [p for p in self.model.parameters() if p.requires_grad]
        o = recipe.optimizer
        self.optimizer = torch.optim.AdamW(
            [*self.trained, *self.head.parameters()], lr=recipe.stages[0].lr, betas=(o.betas[0], o.betas[1]),
            weight_decay=o.weight_decay, fused=device.type == "cuda" or None)
        self.ema = EMA(self.trained, o.ema_decay)
        self.objective = Objective.of(recipe, device)
        self.core: Callable[..., Tensor] = Core(self.model)
        self.encode: Callable[[Tensor], Tensor] = self.model.reference_encoder.encode_preprocessed
        if compiled:
            self._compile()
        learning = [*self.trained, *self.head.parameters()]
        self.passes = RecordedPass(self.one_pass, learning, torch.device("cpu") if compiled else device)

    def _compile(self) -> None:
        """One graph of what costs and one of the encoder; what torch cannot compile runs as it is."""
        import torch._dynamo.config as dynamo

        dynamo.suppress_errors = True
        if self.device.type == "cuda":
            norm_by_channels(self.model)
        self.core = torch.compile(self.core, dynamic=False)
        self.encode = torch.compile(self.encode, dynamic=False)

    def autocast(self) -> AbstractContextManager[None]:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.run.precision == "bf16")

    def step(self, shown: Shown, draws: Draws, lr: float) -> Tensor:
        """One update; the losses of diffusion and of the tokens, [2], on the device: nothing waits for them."""
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        losses = self.passes(shown.sketch, shown.reference, shown.mean, shown.std, shown.cells,
                             *(getattr(draws, field.name) for field in fields(Draws)))
        nn.utils.clip_grad_norm_(self.trained, self.recipe.optimizer.clip)
        self.optimizer.step()
        self.ema.update()
        return losses

    def one_pass(
        self, sketch: Tensor, reference: Tensor, mean: Tensor, std: Tensor, cells: Tensor, *draws: Tensor,
    ) -> Tensor:
        """Forward and backward of what `Shown` and `Draws` hold -> the losses [2]; asks the device nothing."""
        with self.autocast():
            tokens = self.tokens(reference)
            encoded = Encoded(sketch, tokens, mean, std)
            losses = self.objective.losses(self.predict, encoded, Draws(*draws), self.recipe.stages[0])
            named = reference_loss(self.head, tokens.float(), reference, cells)
        torch.autograd.backward([losses.mean() + NAMES * named])
        return torch.stack([losses.detach().mean(), named.detach()])

    def tokens(self, reference: Tensor) -> Tensor:
        """reference: [B, 3, S, S] in [-1, 1] -> [B, 1 + N, D]."""
        vision = self.recipe.networks.reference
        assert vision is not None
        return self.encode(preprocess(reference, vision.image_size))

    def predict(
        self, x: Tensor, t: Tensor, sketch: Tensor, tokens: Tensor, change: Callable[[Tensor], Tensor],
    ) -> Tensor:
        """As `networks.Model`, with tokens that are made already."""
        return self.core(x, t, sketch, change(shown_tokens(tokens)))


def token_head(encoder: ReferenceEncoder, size: int) -> ReferenceHead:
    """For pictures of `size` px; ColorizeError where a patch is no whole number of their cells."""
    visual = encoder.visual
    side, patches = size // CELL, encoder.image_size // visual.conv1.stride[0]
    if side % patches:
        raise ColorizeError(f"data.resolution: found {size} px, expected a multiple of {CELL * patches}: the encoder's "
                            f"{patches} patches each way, of whole cells of {CELL} px")
    return ReferenceHead(visual.proj.shape[1], side // patches)


def draws_of(recipe: Recipe, seed: int, step: int, count: int, latent: tuple[int, ...], steps: int,
             device: torch.device) -> tuple[Draws, torch.Generator]:
    """All chance of a step, drawn on its device by its number, and the generator for what else it needs.

    latent: (C, h, w); steps: of the schedule. t follows `Loss.t_power`, as `random_draws.draw_noise` has it.
    """
    generator = torch.Generator(device).manual_seed(((seed << 32) ^ (step * 0x9E3779B1)) % 2**63)

    def uniform() -> Tensor:
        return torch.rand(count, generator=generator, device=device)

    def normal(*size: int) -> Tensor:
        return torch.randn(count, *size, generator=generator, device=device)

    t = (steps * uniform() ** (1 / recipe.loss.t_power)).long().clamp(0, steps - 1)
    draws = Draws(t, normal(*latent), normal(*latent), normal(latent[0]), normal(0, 0), uniform(), uniform())
    return draws, generator

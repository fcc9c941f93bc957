"""The training loop that one writes first, for `bench` to compare with: the same networks, nothing cached or fused."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lib_colorize.engine.networks import AutoencoderKL
from lib_colorize.method.reference_encoder import ReferenceEncoder
from lib_colorize.method.spatial_transformer import Attention
from training.dataset.batch import Batch
from training.trainer.frozen_encoders import FrozenEncoders
from training.trainer.networks import Model
from training.trainer.objective import Objective
from training.trainer.random_draws import Draws
from training.trainer.recipe import Recipe


class EinsumAttention(nn.Module):
    """Attention by its formula; in place of Attention, with its layers."""

    def __init__(self, fused: Attention) -> None:
        super().__init__()
        self.heads = fused.heads
        self.to_q, self.to_k, self.to_v, self.to_out = fused.to_q, fused.to_k, fused.to_v, fused.to_out

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """x: [B, N, C]; context: [B, M, D], None = x -> [B, N, C]."""
        context = x if context is None else context
        q, k, v = (z.unflatten(2, (self.heads, -1)) for z in (self.to_q(x), self.to_k(context), self.to_v(context)))
        scores = torch.einsum("bnhd,bmhd->bhnm", q, k) * q.shape[-1] ** -0.5
        attended = torch.einsum("bhnm,bmhd->bnhd", scores.softmax(-1), v)
        projected: Tensor = self.to_out(attended.flatten(2))
        return projected


class Straightforward:
    """The loop to compare with."""

    def __init__(self, recipe: Recipe, vae: AutoencoderKL, encoder: ReferenceEncoder | None, device: torch.device):
        self.recipe, self.device, self.objective = recipe, device, Objective.of(recipe, device)
        self.encoders = FrozenEncoders(vae, encoder, recipe.reference_encoder.inside)
        self.model = Model(recipe).to(device)
        for module in list(self.model.unet.modules()):
            for name, child in list(module.named_children()):
                if isinstance(child, Attention):
                    setattr(module, name, EinsumAttention(child))
        trained = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(trained, lr=1e-5, foreach=False, fused=False)
        self.averages = [p.detach().clone() for p in trained]
        self.trained = trained

    def step(self, batch: Batch, draws: Draws) -> None:
        """One step over pictures."""
        batch, draws = batch.to(self.device), draws.to(self.device)
        losses = self.objective.losses(self.model, self.encoders.encode(batch), draws, self.recipe.stages[-1])
        self.optimizer.zero_grad()
        torch.autograd.backward([losses.mean()])
        nn.utils.clip_grad_norm_(self.trained, self.recipe.optimizer.clip, foreach=False)
        self.optimizer.step()
        with torch.no_grad():
            for average, parameter in zip(self.averages, self.trained):
                average += (1 - 0.999) * (parameter - average)

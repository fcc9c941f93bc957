"""What is trained: U-Net, sketch encoder, and what brings the reference to the U-Net; also the networks of Table 1."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from lib_colorize.method.reference_encoder import ReferenceEncoder
from lib_colorize.method.shown_tokens import cls_token, shown_tokens
from lib_colorize.method.sketch_encoder import SketchEncoder
from lib_colorize.method.unet import UNet
from training.trainer.recipe import Recipe
from training.trainer.recipe_parts import Encoder, Tokens

PROJECTED = 256  # tokens made of CLS, as many as ViT-H has local ones (section 4.2)


class CLSProjection(nn.Module):
    """CLS decomposed into 256 tokens "through two linear layers with an in-between activation" (section 4.2).

    The paper names neither the activation nor the hidden width; here they are SiLU and the token's own width.
    """

    def __init__(self, width: int, tokens: int = PROJECTED) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, tokens * width))
        self.tokens = tokens

    def forward(self, cls: Tensor) -> Tensor:
        """cls: [B, 1, D] -> [B, 256, D]."""
        projected: Tensor = self.layers(cls[:, 0])
        return projected.reshape(len(cls), self.tokens, -1)


class CLSLinear(nn.Module):
    """In place of a cross-attention: over one token the softmax is 1, so only value and output layers are left.

    They keep their names, so that `as_attention` makes the very same function a cross-attention again.
    """

    def __init__(self, attention: Any) -> None:
        super().__init__()
        self.to_v, self.to_out = attention.to_v, attention.to_out
        self.heads, self.to_q, self.to_k = attention.heads, None, None  # by these names `add_hints` knows a U-Net

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """x: [B, n, C]; context: [B, 1, D] -> [B, n, C]."""
        value: Tensor = self.to_out(self.to_v(context))
        return value.expand(-1, x.shape[1], -1)


class Model(nn.Module):
    """forward(x_t, t, sketch, reference, change) -> eps or v; everything trainable and nothing else but a small ViT."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        networks = recipe.networks
        assert networks.sketch and networks.reference, "a recipe names every network"
        self.kind = recipe.tokens
        self.autocast_dtype: torch.dtype | None = None  # where weights themselves are in half precision (sharded)
        self.unet: Any = UNet(networks.unet)
        self.sketch_encoder = SketchEncoder(**dataclasses.asdict(networks.sketch))
        self.proj = CLSProjection(networks.unet.context_dim) if self.kind is Tokens.PROJECTED else None
        self.reference_encoder = ReferenceEncoder(networks.reference) if recipe.reference_encoder.inside else None
        if self.reference_encoder is not None:
            fix_token_scale(self.reference_encoder)
            if recipe.reference_encoder is Encoder.FROZEN:
                self.reference_encoder.requires_grad_(False)
        if self.kind is Tokens.CLS:
            for _, block in cross_attention_blocks(self.unet):
                block.attn2 = CLSLinear(block.attn2)
                block.norm2.requires_grad_(False)  # of the queries, which are gone; DDP waits for every gradient

    def context(self, reference: Tensor) -> Tensor:
        """reference: pictures [B, 3, h, w] in [-1, 1], or all their tokens [B, 1 + N, D] -> what the U-Net is shown."""
        if reference.ndim == 4:
            assert self.reference_encoder is not None, "pictures are encoded outside, by the frozen encoder"
            reference = self.reference_encoder(reference)
        if self.kind is Tokens.LOCAL:
            return shown_tokens(reference)
        cls = cls_token(reference)
        return cls if self.proj is None else self.proj(cls)

    def forward(
        self, x: Tensor, t: Tensor, sketch: Tensor, reference: Tensor, change: Callable[[Tensor], Tensor] | None = None,
    ) -> Tensor:
        """x: [B, 4, h, w] at step t [B]; sketch: [B, 3, H, W]; reference as in `context` -> output like x.

        change: what the objective does to the context [B, N, D], noise and drops.
        """
        dtype = self.autocast_dtype
        with torch.autocast(x.device.type, dtype) if dtype else contextlib.nullcontext():
            context = self.context(reference)
            if change is not None:
                context = change(context)
            output: Tensor = self.unet(x, t, context, hints=self.sketch_encoder(sketch))
        return output


def cross_attention_blocks(unet: nn.Module) -> list[tuple[str, Any]]:
    """The transformer blocks of a U-Net with their names; each has its cross-attention in `attn2`."""
    return [(name, module) for name, module in unet.named_modules() if hasattr(module, "attn2")]


def fix_token_scale(encoder: ReferenceEncoder) -> None:
    """Tokens of unit variance for ever: a plain `ln_post`, and a rotation for a projection, both frozen.

    An encoder that learns beside the U-Net would else outgrow the noise of eq. 1 by scaling its tokens up.
    """
    visual = encoder.visual
    nn.init.orthogonal_(visual.proj)
    for parameter in (visual.proj, visual.ln_post.weight, visual.ln_post.bias):
        parameter.requires_grad_(False)


def as_attention(state: dict[str, Tensor], channels: dict[str, int]) -> dict[str, Tensor]:
    """A U-Net's state dict with CLSLinear as the cross-attention that it equals; the queries and keys are zero.

    channels: name of each transformer block -> its width C. Over one token every query gives the same: its value.
    """
    whole = dict(state)
    for name, width in channels.items():
        value = state[f"{name}.attn2.to_v.weight"]
        whole[f"{name}.attn2.to_q.weight"] = value.new_zeros(width, width)
        whole[f"{name}.attn2.to_k.weight"] = torch.zeros_like(value)
    return whole


def unet_state(model: Model, state: dict[str, Tensor] | None = None) -> dict[str, Tensor]:
    """The U-Net's tensors under the released keys; `state`: its state dict when it comes from elsewhere."""
    found = dict(model.unet.state_dict() if state is None else state)
    if model.kind is not Tokens.CLS:
        return found
    return as_attention(found, {name: block.attn2.to_v.out_features
                                for name, block in cross_attention_blocks(model.unet)})

"""Attention in the U-Net: each position of a feature map attends to all of them, then to the context's tokens.

Rombach et al., CVPR 2022, section 3.3 and appendix E.2.1, in the layout of the released files.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .attention import TokenAttention
from .fused import fused
from .norms import GROUPS, norm


class Attention(nn.Module):
    """Over torch's fused kernel, which keeps no matrix of positions by tokens in memory.

    Known by its parts, to_q, to_k, to_v, to_out and heads, to `attach`, which puts tokens of our own in its place.
    """

    def __init__(self, width: int, heads: int, context_width: int | None = None) -> None:
        """context_width: None = self-attention."""
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(context_width or width, width, bias=False)
        self.to_v = nn.Linear(context_width or width, width, bias=False)
        self.to_out = nn.Sequential(nn.Linear(width, width))

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """x: [B, n, C]; context: [B, N, D], None = x -> [B, n, C]."""
        context = x if context is None else context
        q, k, v = (z.unflatten(2, (self.heads, -1)).transpose(1, 2)  # [B, heads, n or N, d]
                   for z in (self.to_q(x), self.to_k(context), self.to_v(context)))
        out: Tensor = self.to_out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return out


class GEGLU(nn.Module):
    """Half of a projection, times the GELU of its other half (arXiv 2002.05202)."""

    def __init__(self, width: int, out_width: int) -> None:
        super().__init__()
        self.proj = nn.Linear(width, 2 * out_width)

    def forward(self, x: Tensor) -> Tensor:
        projected: Tensor = self.proj(x)
        by_kernel = fused("geglu", projected.contiguous())
        if by_kernel is not None:
            return by_kernel
        value, gate = projected.chunk(2, dim=-1)
        return value * F.gelu(gate)


class FeedForward(nn.Module):
    """[B, n, C] -> [B, n, C], through four times the width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.Sequential(GEGLU(width, 4 * width), nn.Identity(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.net(x)
        return out


class TransformerBlock(nn.Module):
    """[B, n, C], context [B, N, D] -> [B, n, C]: attn1 over the map itself, attn2 over the context, feed-forward."""

    def __init__(self, width: int, heads: int, context_width: int) -> None:
        super().__init__()
        self.attn1 = Attention(width, heads)
        self.ff = FeedForward(width)
        self.attn2 = Attention(width, heads, context_width)
        self.norm1, self.norm2, self.norm3 = nn.LayerNorm(width), nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        x = self.attn1(self.norm1(x)) + x
        tokens = vars(self.attn2).get("forward")  # where `attach` has put its own
        if isinstance(tokens, TokenAttention):
            x = tokens.added_to(x, self.norm2)
        else:
            x = self.attn2(self.norm2(x), context=context) + x
        out: Tensor = self.ff(self.norm3(x)) + x
        return out


class SpatialTransformer(nn.Module):
    """[B, C, h, w] -> [B, C, h, w]: its positions as a sequence through transformer blocks; new ones change nothing."""

    def __init__(self, channels: int, heads: int, depth: int, context_width: int, linear: bool) -> None:
        """linear: projections as linear layers (Stability's files), not as 1x1 convolutions (released)."""
        super().__init__()
        self.linear = linear
        self.norm = nn.GroupNorm(GROUPS, channels, eps=1e-6)
        self.proj_in = nn.Linear(channels, channels) if linear else nn.Conv2d(channels, channels, 1)
        self.transformer_blocks = nn.ModuleList(
            [TransformerBlock(channels, heads, context_width) for _ in range(depth)])
        self.proj_out = nn.Linear(channels, channels) if linear else nn.Conv2d(channels, channels, 1)
        for parameter in self.proj_out.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        b, c, h, w = x.shape
        hidden = norm(self.norm, x)
        channels_last = x.is_contiguous(memory_format=torch.channels_last)  # then nothing is copied
        as_lines = self.linear or channels_last
        if not as_lines:
            hidden = self.proj_in(hidden)
        hidden = hidden.permute(0, 2, 3, 1).reshape(b, h * w, c).contiguous()
        if as_lines:
            hidden = linear(self.proj_in, hidden)
        for block in self.transformer_blocks:
            hidden = block(hidden, context)
        if as_lines:
            hidden = linear(self.proj_out, hidden)
        hidden = hidden.reshape(-1, h, w, c).permute(0, 3, 1, 2)  # attn2 may add rows
        if not channels_last:
            hidden = hidden.contiguous()
        if not as_lines:
            hidden = self.proj_out(hidden)
        out: Tensor = hidden + x
        return out


def linear(projection: nn.Module, x: Tensor) -> Tensor:
    """x: [..., C]; projection: a linear layer, or a 1x1 convolution, which is the same over the last axis."""
    if isinstance(projection, nn.Conv2d):
        return F.linear(x, projection.weight.flatten(1), projection.bias)
    projected: Tensor = projection(x)
    return projected

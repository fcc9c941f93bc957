"""Group norms of the U-Net: sums in float32, the layout kept, the SiLU that nearly always follows in the same go."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .fused import fused

GROUPS = 32  # of every group norm of the U-Net


class Float32GroupNorm(nn.GroupNorm):
    """Sums in float32 whatever comes in, and given back in that type."""

    def forward(self, x: Tensor) -> Tensor:
        if x.dtype is self.weight.dtype:  # torch's kernels sum in float32 themselves
            return super().forward(x).type(x.dtype)
        return super().forward(x.float()).type(x.dtype)  # they take one type alone


def norm(layer: nn.GroupNorm, x: Tensor) -> Tensor:
    """x: [B, C, h, w] -> its norm."""
    by_kernel = fused_norm(layer, x, None, silu=False)
    normed: Tensor = layer(x) if by_kernel is None else by_kernel
    return normed


def norm_silu(layer: nn.GroupNorm, x: Tensor, shift: Tensor | None = None) -> Tensor:
    """SiLU of the norm of x [B, C, h, w] plus shift [B or 1, C]."""
    by_kernel = fused_norm(layer, x, shift, silu=True)
    if by_kernel is not None:
        return by_kernel
    x = x if shift is None else x + shift[..., None, None]
    with_silu = getattr(layer, "with_silu", None)  # training's own, with a gradient
    normed: Tensor = F.silu(layer(x)) if with_silu is None else with_silu(x)
    return normed


def fused_norm(layer: nn.GroupNorm, x: Tensor, shift: Tensor | None, silu: bool) -> Tensor | None:
    """By a kernel that keeps channels_last, weights of any type; None where there is none, and torch's own does it: on
    CUDA that one leaves channels_last, and what follows copies back.
    """
    if not x.is_contiguous(memory_format=torch.channels_last):
        return None
    return fused("group_norm", x, layer.num_groups, layer.weight, layer.bias, layer.eps, shift, silu)

"""Group norms of the U-Net: sums in float32, the layout kept, the SiLU that nearly always follows in the same go."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

GROUPS = 32  # of every group norm of the U-Net

_compiling: Callable[[], bool] = getattr(torch.compiler, "is_compiling", lambda: False)  # newer than torch 2.1
Kernel = Callable[[Tensor, int, Tensor, Tensor, float, "Tensor | None", bool], Tensor]


class Float32GroupNorm(nn.GroupNorm):
    """Sums in float32 whatever comes in, and given back in that type."""

    def forward(self, x: Tensor) -> Tensor:
        if x.dtype is self.weight.dtype:  # torch's kernels sum in float32 themselves
            return super().forward(x).type(x.dtype)
        return super().forward(x.float()).type(x.dtype)  # they take one type alone


def norm(layer: nn.GroupNorm, x: Tensor) -> Tensor:
    """x: [B, C, h, w] -> its norm."""
    fused = fused_norm(layer, x, None, silu=False)
    normed: Tensor = layer(x) if fused is None else fused
    return normed


def norm_silu(layer: nn.GroupNorm, x: Tensor, shift: Tensor | None = None) -> Tensor:
    """SiLU of the norm of x [B, C, h, w] plus shift [B or 1, C]."""
    fused = fused_norm(layer, x, shift, silu=True)
    if fused is not None:
        return fused
    return F.silu(layer(x if shift is None else x + shift[..., None, None]))


def fused_norm(layer: nn.GroupNorm, x: Tensor, shift: Tensor | None, silu: bool) -> Tensor | None:
    """By a kernel that keeps channels_last, weights of any type; None where there is none, and torch's own does it: on
    CUDA that one leaves channels_last, and what follows copies back.
    """
    if not x.is_cuda or type(x) is not Tensor or torch.is_grad_enabled() or _compiling():
        return None
    kernel = channels_last_kernel() if x.is_contiguous(memory_format=torch.channels_last) else None
    if kernel is None:
        return None
    try:
        with torch.cuda.device(x.device):
            return kernel(x, layer.num_groups, layer.weight, layer.bias, layer.eps, shift, silu)
    except torch.cuda.OutOfMemoryError:
        raise
    except Exception as problem:  # no C compiler, a card too old, ...: found at the first call
        logging.getLogger(__name__).info("group norms run in torch's own kernels: %s", problem)
        channels_last_kernel.cache_clear()
        _broken.append(problem)
        return None


_broken: list[Exception] = []  # why Triton cannot be used on this machine


@functools.cache
def channels_last_kernel() -> Kernel | None:
    """The kernel for channels_last on CUDA, Triton's where it is there; None = there is none."""
    if _broken:
        return None
    try:
        from .triton_norm import group_norm
    except ImportError:  # not on every platform
        return None
    return group_norm

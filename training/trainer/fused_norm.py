"""Group norm with its gradient over channels_last maps on a GPU, by kernels that are tried before they are trusted."""

from __future__ import annotations

import functools
import sys
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

NEAR = 0.02  # of the numbers' own size: twice the rounding of bfloat16


class FusedGroupNorm(torch.autograd.Function):
    """x: [B, C, h, w], channels_last, half; weight, bias: [C], float32 -> its norm, of x's type and layout.

    silu: the SiLU of it; between the two nothing is kept.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, groups: int, weight: Tensor, bias: Tensor, eps: float, silu: bool) -> Tensor:
        from training.trainer.norm_kernels import normed

        y, averages, inverses = normed(x, groups, weight, bias, eps, silu)
        ctx.save_for_backward(x, weight, bias, averages, inverses)
        ctx.groups, ctx.silu = groups, silu
        return y

    @staticmethod
    def backward(ctx: Any, *gradient: Tensor) -> tuple[Tensor | None, ...]:
        from training.trainer.norm_kernels import norm_gradients

        x, weight, bias, averages, inverses = ctx.saved_tensors
        g = gradient[0].contiguous(memory_format=torch.channels_last)
        dx, dw, db = norm_gradients(x, g, ctx.groups, weight, bias, averages, inverses, ctx.silu)
        return dx, None, dw.to(weight.dtype), db.to(weight.dtype), None, None


def fused_group_norm(
    x: Tensor, groups: int, weight: Tensor, bias: Tensor, eps: float, silu: bool = False,
) -> Tensor:
    """The norm of x; see FusedGroupNorm."""
    y: Tensor = FusedGroupNorm.apply(x, groups, weight, bias, eps, silu)
    return y


def can_fuse(x: Tensor) -> bool:
    """Whether a map is one for these kernels, and they work here."""
    return (x.is_cuda and type(x) is Tensor and x.dtype in (torch.bfloat16, torch.float16) and x.ndim == 4
            and x.is_contiguous(memory_format=torch.channels_last) and kernels_work(x.device.type, x.dtype))


@functools.cache
def kernels_work(device: str, dtype: torch.dtype) -> bool:
    """Whether they can be compiled here, and give what torch's own norm and its gradient do; else one line says why.

    To be asked first where no gradient checkpointing goes on, which would compute the trial again.
    """
    try:
        worst = worst_difference(device, dtype)
    except Exception as problem:  # no Triton, no C compiler, a card too old
        print(f"group norms run in torch's own kernels: {str(problem).splitlines()[:1]}", file=sys.stderr)
        return False
    if not worst < NEAR:
        print(f"group norms run in torch's own kernels: ours differ by {worst:.1e}", file=sys.stderr)
    return worst < NEAR


def worst_difference(device: str, dtype: torch.dtype, size: tuple[int, ...] = (2, 96, 72, 65)) -> float:
    """The largest relative difference from torch's, of a random map's norm, its SiLU, and all their gradients."""
    generator = torch.Generator().manual_seed(0)
    x = (2 * torch.randn(size, generator=generator) + 3).to(dtype).to(device, memory_format=torch.channels_last)
    g = torch.randn(size, generator=generator).to(dtype).to(device)
    weight, bias = (torch.randn(size[1], generator=generator).to(device) for _ in range(2))
    worst = 0.0
    with torch.enable_grad(), torch.autocast(device, enabled=False):
        for silu in (False, True):
            found = []
            for ours in (False, True):
                given = [(t if ours else t.float()).detach().requires_grad_() for t in (x, weight, bias)]
                if ours:
                    y = fused_group_norm(given[0], 32, given[1], given[2], 1e-5, silu)
                else:
                    y = F.group_norm(given[0], 32, given[1], given[2], 1e-5)
                    y = F.silu(y) if silu else y
                found.append([y.detach(), *torch.autograd.grad(y, given, g if ours else g.float())])
            worst = max(worst, *(float((mine.float() - theirs).norm() / theirs.norm()) for theirs, mine in zip(*found)))
    return worst

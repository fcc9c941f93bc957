"""Norms under half precision, where autocast has its own mind: their type, and that of what they give."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.trainer.fused_norm import can_fuse, fused_group_norm


def float32_norms(model: nn.Module) -> None:
    """Norms compute in float32 whatever the type of their weights, as autocast does where the weights are float32."""
    _each(model, _float32_norm)


def half_norms(model: nn.Module) -> None:
    """On a GPU, norms of half precision maps take these as they are, and give such; sums are float32 in the kernel.

    Autocast makes float32 of the map, which is written, read, kept for the backward pass, and cast back for the layer
    that follows. Their weights stay float32, and are rounded at use, as those of convolutions are; kernels of our own
    take them as they are (`fused_norm`).
    """
    _each(model, _half_norm)
    for module in model.modules():
        if isinstance(module, nn.GroupNorm):
            vars(module)["with_silu"] = functools.partial(_half_norm_silu, module)  # method/norms.py asks for it


def _each(model: nn.Module, forward: Callable[[Any, Tensor], Tensor]) -> None:
    for module in model.modules():
        if isinstance(module, (nn.GroupNorm, nn.LayerNorm)):
            module.forward = functools.partial(forward, module)  # type: ignore[method-assign]


def _float32_norm(norm: Any, x: Tensor) -> Tensor:
    return _norm(norm, x.float(), torch.float32).to(x.dtype)


def _half_norm(norm: Any, x: Tensor) -> Tensor:
    if isinstance(norm, nn.GroupNorm) and can_fuse(x):
        return fused_group_norm(x, norm.num_groups, norm.weight, norm.bias, norm.eps)
    with torch.autocast(x.device.type, enabled=False):
        return _norm(norm, x, x.dtype)


def _half_norm_silu(norm: Any, x: Tensor) -> Tensor:
    if can_fuse(x):
        return fused_group_norm(x, norm.num_groups, norm.weight, norm.bias, norm.eps, silu=True)
    return F.silu(_half_norm(norm, x))


def _norm(norm: Any, x: Tensor, dtype: torch.dtype) -> Tensor:
    weight, bias = norm.weight.to(dtype), norm.bias.to(dtype)
    if isinstance(norm, nn.GroupNorm):
        return F.group_norm(x, norm.num_groups, weight, bias, norm.eps)
    return F.layer_norm(x, norm.normalized_shape, weight, bias, norm.eps)

"""Layers of `ldm`'s auto-encoder in any precision: sums in float32, weights cast at use, attention in parts.

The weights stay as they are, whatever their type. All is for inference: no gradient reaches anything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..method.norms import fused_norm

SCORES = 2**26  # numbers of an attention matrix at once, if the device has no kernel that does without one

Layer = Callable[[Tensor], Tensor]
Statistics = tuple[Tensor, Tensor]  # mean and (biased) variance of each group, [B, groups] float32


def convolution(module: nn.Conv2d, like: Tensor) -> Layer:
    """The convolution with weights of like's dtype and layout, cast once."""
    weight = module.weight.to(like.dtype, memory_format=layout_of(like))
    bias = None if module.bias is None else module.bias.to(like.dtype)

    def convolve(x: Tensor) -> Tensor:
        return F.conv2d(x, weight, bias, module.stride, module.padding)

    return convolve


def layout_of(x: Tensor) -> torch.memory_format:
    channels_last = x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()
    return torch.channels_last if channels_last else torch.contiguous_format


def statistics_of(norm: nn.GroupNorm, x: Tensor) -> Statistics:
    """x: [B, C, H, W]. Of half precision without a copy in float32: the sums are float32, the numbers are read."""
    groups, places = x.reshape(len(x), norm.num_groups, -1, *x.shape[2:]), (2, 3, 4)  # a view
    if x.dtype == torch.float32:
        variance, mean = torch.var_mean(groups, dim=places, correction=0)
        return mean, variance
    count = x[0].numel() / norm.num_groups
    mean = groups.sum(places, dtype=torch.float32) / count
    squares = torch.linalg.vector_norm(groups, 2, places, dtype=torch.float32) ** 2 / count
    return mean, (squares - mean**2).clamp(min=0)


def normalization(norm: nn.GroupNorm, statistics: Statistics, silu: bool = True) -> Layer:
    """Group norm with statistics that are known already, and silu after it; computed in float32, x's dtype comes out.

    One multiplication and one addition a value: x's own rounding is the only one.
    """
    mean, variance = (of.repeat_interleave(norm.num_channels // norm.num_groups, dim=1) for of in statistics)
    scale = norm.weight.float() * (variance + norm.eps).rsqrt()
    shift = (norm.bias.float() - mean * scale)[:, :, None, None]
    scale = scale[:, :, None, None]

    def normalize(x: Tensor) -> Tensor:
        y = torch.addcmul(shift, x, scale, out=torch.empty_like(x))
        return F.silu(y, inplace=True) if silu else y

    return normalize


def normalized(norm: nn.GroupNorm, x: Tensor, silu: bool = True) -> Tensor:
    """Group norm of x [B, C, H, W] by its own statistics, and silu after it; in one kernel where there is one."""
    fused = fused_norm(norm, x, None, silu)
    return normalization(norm, statistics_of(norm, x), silu)(x) if fused is None else fused


def attended(block: Any, x: Tensor) -> Tensor:
    """An `AttnBlock` of `ldm` (one head over all places), without its matrix [H W, H W]. x: [B, C, H, W], not changed.

    scaled_dot_product_attention takes a part of the queries at a time, as some devices make the matrix in there too.
    """
    normed = normalized(block.norm, x, silu=False)
    q, k, v = (convolution(project, x)(normed).flatten(2).transpose(1, 2)[:, None]
               for project in (block.q, block.k, block.v))  # [B, 1, H W, C]
    part = max(1, SCORES // (len(x) * q.shape[2]))
    out = torch.cat([F.scaled_dot_product_attention(rows, k, v) for rows in torch.split(q, part, dim=2)], dim=2)
    projected: Tensor = convolution(block.proj_out, x)(out[:, 0].transpose(1, 2).reshape(x.shape))
    return projected.add_(x)

"""Group norm for compilers and channels-last maps: every pass over a map reads whole rows of channels.

torch's own kernel copies a channels-last map to NCHW and back, and a compiler that writes one from its definition
reads a few channels of every position for each group. Here each channel's mean and variance come first (all channels
of a position side by side), those of the groups from these, then one multiplication and addition per element; the
backward pass, made from that, is of the same kind. Moments are float32; in float32 it differs from torch's by rounding.
"""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor, nn


def group_norm_by_channels(x: Tensor, groups: int, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    """x: [B, C, h, w] -> the same shape and type; weight, bias: [C]. Uncompiled it takes longer than torch's."""
    b, c = x.shape[:2]
    full = x.float()
    var, mean = (moment.view(b, groups, -1) for moment in torch.var_mean(full, dim=(2, 3), correction=0))
    group_mean = mean.mean(2, keepdim=True)
    # the law of total variance: a group's is the mean of its channels' plus the variance of their means
    group_var = var.mean(2, keepdim=True) + (mean - group_mean).square().mean(2, keepdim=True)
    scale = (group_var + eps).rsqrt() * weight.float().view(1, groups, -1)
    shift = bias.float().view(1, groups, -1) - group_mean * scale
    return (full * scale.view(b, c, 1, 1) + shift.view(b, c, 1, 1)).to(x.dtype)


def norm_by_channels(network: nn.Module) -> None:
    """All group norms of a network that is going to be compiled."""
    for module in network.modules():
        if isinstance(module, nn.GroupNorm):
            module.forward = functools.partial(_forward, module)  # type: ignore[method-assign]


def _forward(norm: Any, x: Tensor) -> Tensor:
    return group_norm_by_channels(x, norm.num_groups, norm.weight, norm.bias, norm.eps)

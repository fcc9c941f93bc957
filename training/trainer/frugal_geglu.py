"""GEGLU that keeps its projection alone for the backward pass: the gate's GELU is computed again there."""

from __future__ import annotations

import functools
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lib_colorize.method.spatial_transformer import GEGLU


class FrugalGate(torch.autograd.Function):
    """projected: [..., 2 C] -> [..., C], its first half times the GELU of its second, to the bit as autograd has it."""

    @staticmethod
    def forward(ctx: Any, projected: Tensor) -> Tensor:
        ctx.save_for_backward(projected)
        value, gate = projected.chunk(2, dim=-1)
        return value * F.gelu(gate)

    @staticmethod
    def backward(ctx: Any, *gradient: Tensor) -> Tensor:
        value, gate = ctx.saved_tensors[0].chunk(2, dim=-1)
        of_gate = torch.ops.aten.gelu_backward(gradient[0] * value, gate)
        return torch.cat([gradient[0] * F.gelu(gate), of_gate], dim=-1)


def frugal_gates(model: nn.Module) -> None:
    """All GEGLUs of a model: half as much is kept between the two layers of each feed-forward network."""
    for module in model.modules():
        if isinstance(module, GEGLU):
            module.forward = functools.partial(_forward, module)  # type: ignore[method-assign]


def _forward(gate: GEGLU, x: Tensor) -> Tensor:
    gated: Tensor = FrugalGate.apply(gate.proj(x))
    return gated

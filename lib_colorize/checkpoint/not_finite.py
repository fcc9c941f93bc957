"""Weights that are not numbers: a file that was damaged, or whose training diverged."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


def first_not_finite(named: Iterable[tuple[str, Tensor]]) -> str:
    """"3 of the 64 values of KEY are not numbers" of the first such tensor; "" when there is none."""
    for key, tensor in named:
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            bad = int((~torch.isfinite(tensor)).sum())
            return f"{bad} of the {tensor.numel()} values of {key} are not numbers"
    return ""

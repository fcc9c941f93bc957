"""Weights that are not numbers: a file that was damaged, or whose training diverged."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


def first_not_finite(named: Iterable[tuple[str, Tensor]]) -> str:
    """"KEY holds 3 values of 64 that are not numbers" of the first such tensor; "" when there is none."""
    for key, tensor in named:
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            bad = int((~torch.isfinite(tensor)).sum())
            return f"{key} holds {bad} values of {tensor.numel()} that are not numbers"
    return ""

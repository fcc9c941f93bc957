"""Classifier-free guidance: which predictions a job needs, and how they become one (method, section 2)."""

from __future__ import annotations

import enum
from collections.abc import Mapping

import torch
from torch import Tensor

from .settings import Settings


class Branch(enum.Enum):
    """What one row of a U-Net call is shown."""

    FULL = "full"  # tokens and hints
    NO_REFERENCE = "no reference"  # all-zero tokens, hints kept
    NO_SKETCH = "no sketch"  # tokens kept, hints of the all -1 sketch


def branches(settings: Settings, has_reference: bool = True) -> tuple[Branch, ...]:
    """The branches to predict, FULL first. A scale of at most 1 is off, and so is guidance by a missing reference."""
    wanted = [Branch.FULL]
    if has_reference and settings.reference_guidance > 1:
        wanted.append(Branch.NO_REFERENCE)
    if settings.sketch_guidance > 1:
        wanted.append(Branch.NO_SKETCH)
    return tuple(wanted)


def combine(predictions: Mapping[Branch, Tensor], settings: Settings) -> Tensor:
    """The guided prediction. predictions: what `branches` asked for, each [B, C, h, w], all as eps, v or x0 alike.

    Both guidances together: the mean of the two expressions. A branch that is not given counts as off; where it is
    known to equal FULL (outside the guidance window) pass FULL's tensor for it, not nothing: the mean needs it.
    """
    full = predictions[Branch.FULL]
    scales = {Branch.NO_REFERENCE: settings.reference_guidance, Branch.NO_SKETCH: settings.sketch_guidance}
    guided = [
        predictions[branch] + scale * (full - predictions[branch])
        for branch, scale in scales.items() if scale > 1 and branch in predictions]
    return torch.stack(guided).mean(0) if guided else full


def as_cfg(settings: Settings, reference_acts: bool = True) -> tuple[dict[Branch, float], float]:
    """`combine` as hosts compute guidance: mean + scale * (full - mean). Returns weights of that mean, and the scale.

    The weights (sum 1) are those of the predictions other than FULL; none of them means a scale of 1 and no second
    prediction. reference_acts: False where NO_REFERENCE equals FULL (outside the guidance window) and is not predicted.
    Follows from `combine`: 1/n sum (u_i + s_i (full - u_i)) = full + sum (s_i - 1)/n (full - u_i).
    """
    scales = {Branch.NO_REFERENCE: settings.reference_guidance, Branch.NO_SKETCH: settings.sketch_guidance}
    on = {branch: scale for branch, scale in scales.items() if scale > 1}
    pulls = {branch: (scale - 1) / len(on) for branch, scale in on.items()
             if reference_acts or branch is not Branch.NO_REFERENCE}
    total = sum(pulls.values())
    return {branch: pull / total for branch, pull in pulls.items()}, 1 + total


def guided(predictions: Mapping[Branch, Tensor], weights: Mapping[Branch, float], scale: float) -> Tensor:
    """mean + scale * (full - mean) with the weights of `as_cfg`; predictions: each [B, C, h, w]."""
    full = predictions[Branch.FULL]
    if not weights:
        return full
    mean = torch.stack([weight * predictions[branch] for branch, weight in weights.items()]).sum(0)
    return mean + scale * (full - mean)

"""Classifier-free guidance: which predictions a job needs, and how they become one (method, section 2)."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from .settings import Settings


class Branch(enum.Enum):
    """What one row of a U-Net call is shown."""

    FULL = "full"  # tokens and hints
    NO_REFERENCE = "no reference"  # all-zero tokens, hints kept
    NO_SKETCH = "no sketch"  # tokens kept, hints of the all -1 sketch


@dataclass(frozen=True)
class Guidance:
    """mean + scale * (full - mean), the mean of the other predictions by their weights.

    The method has an expression u_i + s_i (full - u_i) for each guidance that is on, and takes the mean of these n:
    full + sum (s_i - 1)/n (full - u_i). That is one expression, with the weight (s_i - 1)/n of u_i in its mean divided
    by their sum, and one more than this sum as its scale: as hosts compute guidance, of one or of several.
    """

    weights: Mapping[Branch, float]  # of the predictions other than FULL, of sum 1; none: no guidance, the scale is 1
    scale: float

    @classmethod
    def of(cls, settings: Settings, reference_acts: bool = True) -> Guidance:
        """A scale of at most 1 is off. reference_acts: False where NO_REFERENCE equals FULL and is not predicted:
        without a reference, or outside the guidance window (it still counts as one of the n).
        """
        scales = {Branch.NO_REFERENCE: settings.reference_guidance, Branch.NO_SKETCH: settings.sketch_guidance}
        on = {branch: scale for branch, scale in scales.items() if scale > 1}
        pulls = {branch: (scale - 1) / len(on) for branch, scale in on.items()
                 if reference_acts or branch is not Branch.NO_REFERENCE}
        total = sum(pulls.values())
        return cls({branch: pull / total for branch, pull in pulls.items()}, 1 + total)

    @property
    def branches(self) -> tuple[Branch, ...]:
        """What has to be predicted, FULL first."""
        return (Branch.FULL, *self.weights)

    def guide(self, predictions: Mapping[Branch, Tensor]) -> Tensor:
        """The guided prediction. predictions: those of `branches`, each [B, C, h, w], all as eps, v or x0 alike."""
        full = predictions[Branch.FULL]
        if not self.weights:
            return full
        (first, share), *others = self.weights.items()
        mean = predictions[first] if not others else share * predictions[first]  # of one the weight is 1
        for branch, weight in others:
            mean = mean + weight * predictions[branch]
        return mean + self.scale * (full - mean)

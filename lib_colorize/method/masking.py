"""Figure and background told apart: two sets of tokens, maps of a background, and where in the latent each acts.

variants.md sections 1 to 3. All of it is made once for a job (`variants/`), and shown to the U-Net by `attach`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True, eq=False)  # tensors have no truth value to compare by
class FigureMask:
    """mask: [1, 1, h, w] in the latent's frame, 1 = figure, bicubic and not clamped; figure where it is above
    `threshold`. Of another level of the U-Net it is resized once more, always from this one (section 1).
    """

    mask: Tensor
    threshold: float

    def at(self, level: int) -> Tensor:
        """Where the figure is on a feature map that is halved `level` times: [1, places, 1], bool."""
        size = tuple(math.ceil(side / 2**level) for side in self.mask.shape[2:])
        mask = self.mask.float()
        resized = mask if level == 0 else F.interpolate(mask, size, mode="bicubic", align_corners=False)
        return resized.flatten(2).transpose(1, 2) > self.threshold


@dataclass(frozen=True, eq=False)
class MaskedTokens:
    """figure: [1, N, D], background: [1, M, D], where `mask` says; zeros stand for nothing (section 1).

    strengths: factors of the attention; merge: how much of the background is mixed into the figure.
    figure_lora, background_lora: whether the U-Net's LoRA of that role acts, in v1.5 and v2.
    """

    figure: Tensor
    background: Tensor
    mask: FigureMask
    figure_strength: float = 1.0
    background_strength: float = 1.0
    merge: float = 0.0
    figure_lora: bool = False
    background_lora: bool = False


@dataclass(frozen=True, eq=False)
class BackgroundMaps:
    """v2: tokens of a background for each output block, [1, h_i w_i, c_i], which the skips outside the figure are
    warped to (section 3); the background factor is in them.
    """

    maps: tuple[Tensor, ...]
    mask: FigureMask


def latent_mask(mask: Tensor, factor: int) -> Tensor:
    """mask: [1, 1, H, W] in the padded sketch's frame -> [1, 1, H / factor, W / factor], bicubic, neither antialiased
    nor clamped (section 1).
    """
    size = (mask.shape[2] // factor, mask.shape[3] // factor)
    return F.interpolate(mask.float(), size, mode="bicubic", align_corners=False, antialias=False)


def without_figure(reference: Tensor, mask: Tensor, threshold: float) -> Tensor:
    """reference: [1, 3, h, w] in [-1, 1], mask: [1, 1, h, w] of it -> white where the figure is (section 1)."""
    return torch.where(mask < threshold, reference, torch.ones_like(reference))

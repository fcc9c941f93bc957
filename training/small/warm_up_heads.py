"""What the warm-up teaches by, thrown away after it: heads that tell what each cell of a drawing is, their losses."""

from __future__ import annotations

import functools
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lib_colorize.method.shown_tokens import local_tokens
from lib_colorize.method.sketch_encoder import SketchEncoder
from training.small.labelled_drawings import CELL, CLASSES, NOBODY

WEIGHTS = (0.3, 1.0, 1.0, 1.0, 0.6)  # of CLASSES: backgrounds are large and easy


class ReferenceHead(nn.Module):
    """Tokens -> what the cells of each patch are, and what is there at all."""

    def __init__(self, width: int, cells: int) -> None:
        """cells: of one patch, each way."""
        super().__init__()
        self.cells = cells
        self.local = nn.Linear(width, cells * cells * (len(CLASSES) + 3))
        self.cls = nn.Linear(width, len(CLASSES) * 4)

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """tokens: [B, 1 + N, D] -> logits [B, 5, n, n] and colours [B, 3, n, n] of cells, and [B, 5, 4] of CLS."""
        local = self.local(local_tokens(tokens)).transpose(1, 2)
        side = math.isqrt(local.shape[-1])
        cells = F.pixel_shuffle(local.unflatten(2, (side, side)), self.cells)
        return cells[:, :len(CLASSES)], cells[:, len(CLASSES):], self.cls(tokens[:, 0]).unflatten(1, (-1, 4))


class SketchHead(nn.Module):
    """Features of all levels -> what the cells are."""

    def __init__(self, channels: int, cells: int) -> None:
        """channels: of all levels together; cells: of one position of the finest, each way."""
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(channels, 192, 1), nn.GELU(),
                                    nn.Conv2d(192, cells * cells * len(CLASSES), 1))
        self.cells = cells

    def forward(self, features: Tensor) -> Tensor:
        """features: [B, C, h, w] -> logits [B, 5, n, n]."""
        return F.pixel_shuffle(self.layers(features), self.cells)


def sketch_features(encoder: SketchEncoder, sketch: Tensor) -> Tensor:
    """sketch: [B, 3, H, W] -> what the hints are made of, [B, C, H/8, W/8], coarser levels enlarged."""
    levels = [encoder.model(sketch)]
    for stage in encoder.output_blocks:
        levels.append(stage(levels[-1]))
    return torch.cat([F.interpolate(level, levels[0].shape[-2:], mode="bilinear") for level in levels], dim=1)


def cell_loss(logits: Tensor, classes: Tensor) -> Tensor:
    """logits: [B, 5, n, n]; classes: [B, n, n]."""
    return F.cross_entropy(logits, classes, weight=_weights(logits.device), ignore_index=NOBODY)


@functools.cache
def _weights(device: torch.device) -> Tensor:
    """On the device from the first step on, which would else wait for it every time."""
    return torch.tensor(WEIGHTS, device=device)


def reference_loss(head: ReferenceHead, tokens: Tensor, pictures: Tensor, classes: Tensor) -> Tensor:
    """tokens: [B, 1 + N, D] of pictures [B, 3, S, S], whose cells are classes [B, S/4, S/4]."""
    logits, colours, found = head(tokens)
    seen = F.avg_pool2d(pictures, CELL)
    member = (classes[..., None] == torch.arange(len(CLASSES), device=classes.device)).float()  # NOBODY is none of them
    areas = member.sum((1, 2))  # [B, 5]
    means = torch.einsum("bcij,bijk->bkc", seen, member) / areas.clamp_min(1)[..., None]
    present = areas > 0
    return (cell_loss(logits, classes) + F.l1_loss(colours, seen)
            + 0.3 * F.binary_cross_entropy_with_logits(found[..., 0], present.float())
            + _l1_where(present, found[..., 1:], means))


def _l1_where(present: Tensor, found: Tensor, true: Tensor) -> Tensor:
    """Mean error of the entries that are present, [B, K] of [B, K, 3]; nothing is counted on the way."""
    errors = (found - true).abs().mean(-1).where(present, 0.0)
    return errors.sum() / present.sum().clamp_min(1)

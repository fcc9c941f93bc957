"""v1.5: a mask's threshold as a token, added to those that it has told apart (variants.md section 2)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ..unet_layers import timestep_embedding


class ThresholdEmbedder(nn.Module):
    """threshold in 0..1 -> [1, 1, D]; keys as below `thresh_embedder.`."""

    def __init__(self, width: int, hidden: int, context_dim: int) -> None:
        """width: of the sines and cosines."""
        super().__init__()
        self.width = width
        self.embed_layer = nn.Sequential(nn.Linear(width, hidden), nn.SiLU(), nn.Linear(hidden, context_dim))

    @classmethod
    def of_shapes(cls, shapes: Mapping[str, tuple[int, ...]], context_dim: int) -> ThresholdEmbedder:
        """KeyError or ValueError when they are no such network's."""
        hidden, width = shapes["embed_layer.0.weight"]
        return cls(width, hidden, context_dim)

    def forward(self, threshold: float) -> Tensor:
        """The raw number, where the U-Net's times go to 1000: of the same sines and cosines."""
        weight = next(self.parameters())
        embedded = timestep_embedding(torch.tensor([threshold], device=weight.device), self.width)
        token: Tensor = self.embed_layer(embedded.to(weight))
        return token[None]

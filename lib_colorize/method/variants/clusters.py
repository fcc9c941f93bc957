"""v1.5: the tokens of a background, gathered by learned queries (variants.md section 2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..spatial_transformer import Attention

HEAD = 64  # channels of a head, whatever the width


def feed_forward(width: int, hidden: int) -> nn.Sequential:
    """[..., width] -> [..., width], with SiLU."""
    return nn.Sequential(nn.Linear(width, hidden), nn.SiLU(), nn.Linear(hidden, width))


class ClusterTransformer(nn.Module):
    """tokens [B, N, D] -> [B, M, D], M = the number of queries; keys as below `transformer.`."""

    def __init__(self, queries: int, width: int, layers: int, hidden: int) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.zeros(queries, width))
        self.layers: Any = nn.ModuleList([nn.ModuleList([
            nn.LayerNorm(width), nn.LayerNorm(width), Attention(width, width // HEAD),
            feed_forward(width, hidden)]) for _ in range(layers)])

    @classmethod
    def of_shapes(cls, shapes: Mapping[str, tuple[int, ...]], context_dim: int) -> ClusterTransformer:
        """KeyError or ValueError when they are no such network's."""
        queries, _ = shapes["embedding"]
        found = (re.match(r"layers\.(\d{1,3})\.", key) for key in shapes)
        layers = 1 + max((int(match.group(1)) for match in found if match), default=-1)
        return cls(queries, context_dim, layers, shapes["layers.0.3.0.weight"][0])

    def forward(self, tokens: Tensor) -> Tensor:
        """The tokens are not normed; the queries are."""
        x = self.embedding.expand(len(tokens), -1, -1)
        for norm, norm_of_ff, attention, ff in self.layers:
            x = x + attention(norm(x), tokens)
            x = x + ff(norm_of_ff(x))
        return x

"""The text tower of OpenCLIP: texts -> unit vectors in the space of the reference's tokens, over open_clip's blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..reference_encoder import run_blocks

HEAD_WIDTH = 64  # of every text tower that OpenCLIP publishes


@dataclass(frozen=True)
class TextConfig:
    """Sizes of the tower; layers: those that are used, one less than a file has (`clip_skip` 1)."""

    context_length: int
    vocab_size: int
    width: int
    layers: int
    heads: int
    mlp_ratio: float
    output_dim: int


class TextTower(nn.Module):
    """Parameter names are those of open_clip's `TextTransformer`, without its last block, which is not run (Q7)."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        from open_clip.transformer import LayerNorm, Transformer  # here: slow to import

        self.token_embedding = nn.Embedding(config.vocab_size, config.width)
        self.positional_embedding = nn.Parameter(torch.empty(config.context_length, config.width))
        self.transformer = Transformer(config.width, config.layers, config.heads, config.mlp_ratio)
        self.ln_final = LayerNorm(config.width)
        self.text_projection = nn.Parameter(torch.empty(config.width, config.output_dim))

    def forward(self, ids: Tensor) -> Tensor:
        """ids: [n, context length] of `tokenize` -> unit vectors [n, D] (variants.md section 5), in float32."""
        weight = self.positional_embedding
        ids = ids.to(weight.device)
        x = self.token_embedding(ids) + weight
        causal = torch.full((ids.shape[1],) * 2, -torch.inf, device=weight.device, dtype=weight.dtype).triu(1)
        x = self.ln_final(run_blocks(self.transformer.resblocks, x, causal))
        end = x[torch.arange(len(x), device=x.device), ids.argmax(dim=-1)]  # the end's id is the largest one
        return F.normalize((end @ self.text_projection.to(end.dtype)).float(), dim=-1)

    @torch.no_grad()
    def embed(self, texts: Sequence[str]) -> dict[str, Tensor]:
        """Each text -> its unit vector [D]."""
        vectors = self(tokenize(texts, len(self.positional_embedding)))
        return dict(zip(texts, vectors))


def tokenize(texts: Sequence[str], context_length: int) -> Tensor:
    """Ids [n, context length] of open_clip's own tokenizer; its vocabulary comes with the package."""
    from open_clip.tokenizer import tokenize as tokens_of

    ids: Tensor = tokens_of(list(texts), context_length)
    return ids

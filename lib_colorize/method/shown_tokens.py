"""Which of a reference's tokens the U-Net is shown. The one place: engine, hosts and training all ask here.

The released U-Nets of every variant take local tokens. A masked variant (v1.5, v2) will show two sets, of figure and of
background, each made of local tokens by networks of its own (a threshold's embedding, a token transformer): a function
more in this file, and a field more in `Conditioning`.
"""

from __future__ import annotations

from torch import Tensor


def shown_tokens(tokens: Tensor) -> Tensor:
    """All tokens of the reference encoder [B, 1 + N, D] -> v1's context [B, N, D] (method.md section 1)."""
    return local_tokens(tokens)


def local_tokens(tokens: Tensor) -> Tensor:
    """[B, 1 + N, D] -> [B, N, D], one for each patch of the picture."""
    return tokens[:, 1:]


def cls_token(tokens: Tensor) -> Tensor:
    """[B, 1 + N, D] -> [B, 1, D], the one of the whole picture; shown in two ablations of Table 1."""
    return tokens[:, :1]

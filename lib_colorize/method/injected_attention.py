"""Self-attention that looks at another picture's positions too: kept in one pass, shown in the next.

variants.md section 4: A_uc attends to [own; kept], A_c to its own alone; a row is (1 - weight) A_c + weight A_uc.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .attention import split_heads
from .forwards import replace_forward
from .rows import take_rows
from .token_bias import TokenBias


@dataclass(frozen=True)
class RowGroup:
    """Rows of one weight, one after the other. kept: which row of the writing pass each looks at; pictures: which of
    the conditioning's each is of.
    """

    rows: range
    weight: float
    kept: tuple[int, ...]
    pictures: tuple[int, ...]


class AllWritten(Exception):
    """Raised by the last self-attention of a writing pass, where the network's end is of no use."""


class InjectedAttention:
    """Stands in for the `forward` of one self-attention (to_q, to_k, to_v, to_out, heads)."""

    def __init__(self, attn: nn.Module, bias: TokenBias | None = None) -> None:
        """bias: of several references, of which the first is what is injected: where it does not act, nothing is."""
        self.attn: Any = attn
        self.bias = bias
        self.own: Callable[..., Tensor] = attn.forward  # of the moment when this took its place
        self.writing = self.ends_writing = False
        self.groups: Sequence[RowGroup] = ()  # of the rows of a reading call; none, and not writing: a plain call
        self._kept: tuple[Tensor, Tensor] | None = None

    def __call__(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """x: [rows, n, C], or one row, or those of one branch, where all others are the same -> [rows, n, C]."""
        if not self.writing and not self.groups:
            return self.own(x, *args, **kwargs)
        q, k, v = (split_heads(to(x), self.attn.heads) for to in (self.attn.to_q, self.attn.to_k, self.attn.to_v))
        if self.writing:
            self._kept = k, v
            if self.ends_writing:
                raise AllWritten
            out = F.scaled_dot_product_attention(q, k, v)
        else:
            out = torch.cat([self._read(group, q, k, v) for group in self.groups])
        projected: Tensor = self.attn.to_out(out.transpose(1, 2).flatten(2))
        return projected

    def apply(self, undo: ExitStack) -> None:
        """In the place of the attention's forward, until `undo` is left."""
        self.own = self.attn.forward
        replace_forward(undo, self.attn, self)

    def forget(self) -> None:
        """Let go of what was written."""
        self._kept = None

    def _read(self, group: RowGroup, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        q, k, v = (_rows_of(part, group.rows) for part in (q, k, v))
        if group.weight == 0:
            return F.scaled_dot_product_attention(q, k, v)
        assert self._kept is not None
        kept_k, kept_v = (_rows_of(part, group.kept) for part in self._kept)
        injected = F.scaled_dot_product_attention(q, torch.cat([k, kept_k], 2), torch.cat([v, kept_v], 2))
        area = None if self.bias is None else self.bias.first_at(q.shape[2], group.pictures, q)
        if group.weight == 1 and area is None:
            return injected
        own = F.scaled_dot_product_attention(q, k, v)
        if area is None:
            return torch.lerp(own, injected, group.weight)
        return torch.lerp(own, injected, group.weight * area[:, None])


def _rows_of(x: Tensor, rows: Sequence[int]) -> Tensor:
    """Those rows of a call; x has as many, or those that the branches have in common."""
    if len(x) == 1:
        return x.expand(len(rows), -1, -1, -1)
    return take_rows(x, [row % len(x) for row in rows])

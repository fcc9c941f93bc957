"""Cross-attention over our own tokens: block scales, rows without a reference, keys and values kept over the steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ColorizeError
from .rows import slices_of, take_rows
from .token_bias import Bias, TokenBias

RowsOfCall = Callable[[int], tuple[Sequence[int], Sequence[int]]]


class TokenAttention:
    """Stands in for the `forward` of one LDM cross-attention (to_q, to_k, to_v, to_out, heads).

    Gives to_out(scale * attention) over our tokens: the scale comes before the output projection, whose bias therefore
    stays at scale 0 (method, section 2). An all-zero context makes keys and values zero, for to_k and to_v have no
    bias: its rows take that output bias and cost nothing.
    Tokens do not change while sampling, so that keys and values are computed at the first call and kept.
    """

    def __init__(
        self, attn: nn.Module, tokens: Tensor | None, scale: float, reference_rows: RowsOfCall,
        bias: TokenBias | None = None,
    ) -> None:
        """tokens: [P, N, D]; reference_rows(rows of a call) -> the rows with a reference (rising), which of the P.

        bias: of several references, whose tokens these are, side by side.
        """
        self.attn: Any = attn
        width = getattr(attn.to_k, "in_features", None)  # None: a host's own kind of layer
        if tokens is not None and width not in (None, tokens.shape[-1]):
            raise ColorizeError(f"reference tokens are {tokens.shape[-1]} wide, the U-Net takes {width}; "
                                "use the reference encoder of this model")
        self.tokens = tokens
        self.scale = scale
        self.reference_rows = reference_rows
        self.bias = bias
        self.first_alone = False  # while what is seen is the first reference itself
        self._kept: tuple[object, Tensor, Tensor] | None = None
        self._bias: tuple[object, Tensor] | None = None

    def forget(self) -> None:
        """Let go of keys and values; the next call makes them anew."""
        self._kept = None

    def __call__(self, x: Tensor, *_args: Any, **_kwargs: Any) -> Tensor:
        """x: [rows, n, C] -> [rows, n, C]; the context (and whatever else the host passes) is not looked at."""
        rows, pictures = self.reference_rows(len(x)) if self.tokens is not None and self.scale else ((), ())
        if not rows:
            return self._no_attention(x).expand(len(x), x.shape[1], -1)
        if len(rows) == len(x):
            return self._attend(x, pictures)
        if rows[-1] - rows[0] == len(rows) - 1:  # side by side: no place is written twice
            attended = self._attend(x[rows[0]:rows[-1] + 1], pictures)
            none = self._no_attention(x).to(attended.dtype)
            before, after = (none.expand(count, x.shape[1], -1) for count in (rows[0], len(x) - 1 - rows[-1]))
            return torch.cat([part for part in (before, attended, after) if len(part)])
        attended = self._attend(take_rows(x, rows), pictures)
        out = self._no_attention(x).to(attended.dtype).repeat(len(x), x.shape[1], 1)
        parts = slices_of(rows)
        for part, own in zip(parts, torch.split(attended, [len(range(len(x))[part]) for part in parts])):
            out[part] = own
        return out

    def added_to(self, x: Tensor, norm: Callable[[Tensor], Tensor]) -> Tensor:
        """x + self(norm(x)), for a U-Net of ours: rows without a reference are no more than added to, and not normed.

        Without a gradient: rows are written side by side, where `cat` would copy them.
        """
        rows, pictures = self.reference_rows(len(x)) if self.tokens is not None and self.scale else ((), ())
        if not rows:
            return x + self._no_attention(x)
        if torch.is_grad_enabled() or len(rows) == len(x) or rows[-1] - rows[0] != len(rows) - 1:
            return self(norm(x)) + x
        first, last = rows[0], rows[-1] + 1
        out, bias = torch.empty_like(x), self._no_attention(x)
        torch.add(self._attend(norm(x[first:last]), pictures), x[first:last], out=out[first:last])
        for part in (slice(0, first), slice(last, len(x))):
            if part.start < part.stop:
                torch.add(bias, x[part], out=out[part])
        return out

    def _no_attention(self, x: Tensor) -> Tensor:
        """[1, 1, C]: to_out of zero, its bias; called as a module, whatever the host has made of it, and kept."""
        made_for = (x.dtype, x.device)
        if self._bias is None or self._bias[0] != made_for or torch.is_grad_enabled():
            width = getattr(self.attn.to_q, "out_features", None) or self.attn.to_q(x[:1, :1]).shape[-1]  # quantized
            self._bias = made_for, self.attn.to_out(x.new_zeros(1, 1, width))
        return self._bias[1]

    def _attend(self, x: Tensor, pictures: Sequence[int]) -> Tensor:
        q = split_heads(self.attn.to_q(x), self.attn.heads)
        k, v = self.keys_and_values(pictures, x, q)
        out = attend(q, *self.seen(k, v, x.shape[1], pictures, q))
        projected: Tensor = self.attn.to_out(out if self.scale == 1 or _scaled_before(q) else out * self.scale)
        return projected

    def seen(
        self, k: Tensor, v: Tensor, places: int, pictures: Sequence[int], q: Tensor,
    ) -> tuple[Tensor, Tensor, Bias | None]:
        """Keys, values [rows or 1, heads, N, d] and bias as `attend` takes them."""
        if self.bias is None:
            return k, v, None
        if self.first_alone:
            first = self.bias.counts[0]
            return k[:, :, :first], v[:, :, :first], None
        return k, v, self.bias.at(places, pictures, q)

    @torch.no_grad()
    def keys_and_values(self, pictures: Sequence[int], x: Tensor, q: Tensor) -> tuple[Tensor, ...]:
        """[rows or 1, heads, N, d] each, in q's dtype and on its device; computed again only when those change.

        pictures: the one that each row shows; x: the input's dtype and device.
        """
        assert self.tokens is not None
        shown = tuple(pictures) if len(self.tokens) > 1 else ()
        made_for = (shown, x.dtype, q.dtype, q.device)
        if self._kept is None or self._kept[0] != made_for:
            tokens = self.tokens.to(x)
            k, v = (split_heads(to(tokens), self.attn.heads).to(q) for to in (self.attn.to_k, self.attn.to_v))
            if self.scale != 1 and _scaled_before(q):
                v = v * self.scale
            if shown != tuple(range(len(shown))):
                k, v = k[list(shown)], v[list(shown)]
            self._kept = made_for, k, v
        return self._kept[1:]


def attend(q: Tensor, k: Tensor, v: Tensor, bias: Bias | None = None) -> Tensor:
    """q: [rows, heads, n, d]; k, v: [rows or 1, heads, N, d]; bias: of `TokenBias.at` -> [rows, n, heads * d]."""
    logits, share = bias or (None, None)
    if logits is not None:
        logits = logits.expand(len(q), q.shape[1], q.shape[2], -1)
    out = F.scaled_dot_product_attention(
        q, k.expand(len(q), -1, -1, -1), v.expand(len(q), -1, -1, -1), logits).transpose(1, 2).flatten(2)
    return out if share is None else out * share


def _scaled_before(q: Tensor) -> bool:
    """In half precision values are scaled once, where in float32 every result is: that is to stay bit for bit."""
    return q.dtype is not torch.float32


def split_heads(x: Tensor, heads: int) -> Tensor:
    """[B, n, heads * d] -> [B, heads, n, d]."""
    return x.reshape(*x.shape[:2], heads, -1).transpose(1, 2)

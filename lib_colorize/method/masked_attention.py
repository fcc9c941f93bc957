"""Cross-attention over two sets of tokens, the figure's and the background's, each where the mask says.

variants.md section 1: to_out((1 - merge) f + merge b) in the figure, to_out(b) elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from .attention import RowsOfCall, TokenAttention, attend, split_heads
from .hint_hook import Misfit
from .masking import MaskedTokens
from .token_bias import TokenBias
from .variants.lora import Lora


class MaskedAttention(TokenAttention):
    """Stands in for one cross-attention, as TokenAttention does; rows without a reference take the output bias too.

    Strengths and block scale are in the values, threshold and merge in one weight a place, so that a captured step
    serves any of them.
    """

    def __init__(
        self, attn: nn.Module, masked: MaskedTokens, scale: float, reference_rows: RowsOfCall, level: int,
        figure: Mapping[str, Lora], background: Mapping[str, Lora], bias: TokenBias | None = None,
    ) -> None:
        """level: how often this map is halved; figure, background: LoRA of to_q, to_k, to_v, empty = none acts;
        bias: of several references, whose tokens the figure's are.
        """
        super().__init__(attn, masked.figure, scale, reference_rows, bias)
        self.masked, self.level = masked, level
        self.loras = (figure if masked.figure_lora else {}, background if masked.background_lora else {})
        self._shown: tuple[object, tuple[Tensor, ...]] | None = None

    def forget(self) -> None:
        self._shown = None

    def _attend(self, x: Tensor, pictures: Sequence[int]) -> Tensor:
        q = self.attn.to_q(x)
        figure_k, figure_v, k, v, weight = self.keys_and_values(pictures, x, q)
        if weight.shape[1] != x.shape[1]:
            raise Misfit(f"a mask of {weight.shape[1]} places does not fit a feature map of {x.shape[1]}; "
                         "use a mask of the picture's own size")
        figure_q, background_q = (split_heads(q + lora["to_q"](x) if lora else q, self.attn.heads)
                                  for lora in self.loras)
        figure = attend(figure_q, *self.seen(figure_k, figure_v, x.shape[1], pictures, q))
        same = self.masked.background is self.masked.figure  # then it is of several references too
        background = attend(background_q, *(self.seen(k, v, x.shape[1], pictures, q) if same else (k, v)))
        projected: Tensor = self.attn.to_out(torch.lerp(background, figure, weight))
        return projected

    @torch.no_grad()
    def keys_and_values(self, pictures: Sequence[int], x: Tensor, q: Tensor) -> tuple[Tensor, ...]:
        """The figure's, the background's [1, heads, N, d], and the figure's weight at each place [1, n, 1]."""
        made_for = (x.dtype, x.device, q.dtype)
        if self._shown is None or self._shown[0] != made_for:
            masked, parts = self.masked, list[Tensor]()
            self.loras = tuple({to: lora.to(x.device, x.dtype) for to, lora in loras.items()}
                               for loras in self.loras)  # type: ignore[assignment]
            sets = ((masked.figure, masked.figure_strength), (masked.background, masked.background_strength))
            for (tokens, strength), lora in zip(sets, self.loras):
                tokens = tokens.to(x)
                k, v = (getattr(self.attn, to)(tokens) + (lora[to](tokens) if lora else 0) for to in ("to_k", "to_v"))
                parts += [split_heads(part, self.attn.heads).to(q) for part in (k, v * (strength * self.scale))]
            weight = self.masked.mask.at(self.level).to(q) * (1 - masked.merge)
            self._shown = made_for, (*parts, weight)
        return self._shown[1]

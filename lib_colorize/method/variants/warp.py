"""v2: the skips outside the figure, warped to a background's maps (variants.md section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import ColorizeError
from ..hint_hook import Misfit
from ..masking import FigureMask
from ..spatial_transformer import Attention
from .clusters import HEAD, feed_forward


class Warp(nn.Module):
    """z [B, n, c] by a map g [1, n', c] -> [B, n, c]; keys as below `warp_modules.i.`."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attn: Any = Attention(width, width // HEAD)
        self.ff = feed_forward(width, 4 * width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.width = width

    def keys_and_values(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Of a map, which is not normed; it is the same at every step."""
        k, v = (z.unflatten(2, (self.attn.heads, -1)).transpose(1, 2)
                for z in (self.attn.to_k(maps), self.attn.to_v(maps)))
        return k, v

    def forward(self, z: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """k, v: of `keys_and_values`."""
        q = self.attn.to_q(self.norm1(z)).unflatten(2, (self.attn.heads, -1)).transpose(1, 2)
        k, v = (part.to(q).expand(len(q), -1, -1, -1) for part in (k, v))
        z = z + self.attn.to_out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        warped: Tensor = z + self.ff(self.norm2(z))
        return warped


class WarpHook:
    """Forward pre-hook of one output block: warps the skip, the last channels of what comes in, outside the figure."""

    def __init__(self, warp: Warp, maps: Tensor, mask: FigureMask, level: int) -> None:
        self.warp, self.maps, self.mask, self.level = warp, maps, mask, level
        self._kept: tuple[object, tuple[Tensor, Tensor, Tensor]] | None = None

    def forget(self) -> None:
        """Let go of them; they are made anew when asked for."""
        self._kept = None

    @torch.no_grad()
    def constants(self, like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Keys, values, and where the figure is [1, n, 1]; kept over the steps."""
        weight = self.warp.attn.to_k.weight
        made_for = (like.device, weight.dtype)
        if self._kept is None or self._kept[0] != made_for:
            k, v = self.warp.keys_and_values(self.maps.to(like.device, weight.dtype))
            self._kept = made_for, (k, v, self.mask.at(self.level).to(like.device))
        return self._kept[1]

    def __call__(self, module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        x, *others = args
        k, v, figure = self.constants(x)
        hidden, skip = x[:, :-self.warp.width], x[:, -self.warp.width:]
        height, width = skip.shape[2:]
        if height * width != figure.shape[1]:
            raise Misfit(f"a mask of {figure.shape[1]} places does not fit a skip of {width}x{height}; "
                         "use a mask of the picture's own size")
        places = skip.permute(0, 2, 3, 1).flatten(1, 2)  # [B, n, c]
        warped = torch.where(figure, places, self.warp(places.to(k.dtype), k, v).to(places.dtype))
        back = warped.reshape(len(skip), height, width, -1).permute(0, 3, 1, 2)
        return (torch.cat([hidden, back], dim=1), *others)


def warps_of(widths: Sequence[int]) -> nn.ModuleList:
    """One for each output block, by the width of its skip."""
    if any(width % HEAD for width in widths):
        raise ColorizeError(f"v2 takes skips whose widths are multiples of {HEAD}; found {sorted(set(widths))}")
    return nn.ModuleList([Warp(width) for width in widths])

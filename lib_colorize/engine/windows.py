"""The windows of a large canvas: where they lie, how much each counts where they overlap, what of a job each sees."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..method.conditioning import Conditioning
from ..method.masking import BackgroundMaps, FigureMask, MaskedTokens

OVERLAP = 0.25  # of a window's side, at least, that the next one sees too
LEVELS = 8  # sizes of a feature map that are looked for, each half of the one before


@dataclass(frozen=True)
class Window:
    """A part of a canvas; in latent pixels."""

    top: int
    left: int
    height: int
    width: int

    def of(self, x: Tensor, scale: int = 1) -> Tensor:
        """Its part of x [..., H, W], a view; scale: pixels of x for one of a latent."""
        top, left = self.top * scale, self.left * scale
        return x[..., top:top + self.height * scale, left:left + self.width * scale]

    def weights(self) -> Tensor:
        """[h, w], above 0: how much it counts. Falls evenly from its middle to its edge, where its neighbour's is most:
        with equal ones, as in MultiDiffusion, what two windows disagree in would be a step at the edge of each.
        """
        down, across = (torch.minimum(torch.arange(n) + 0.5, n - torch.arange(n) - 0.5) for n in
                        (self.height, self.width))
        return down[:, None] * across


def windows_of(height: int, width: int, side: int, align: int) -> tuple[Window, ...]:
    """Windows of `side` that cover a canvas of height x width, evenly; in latent pixels, all multiples of `align`."""
    tall, wide = min(side, height), min(side, width)
    return tuple(Window(top, left, tall, wide) for top in _starts(height, tall, align)
                 for left in _starts(width, wide, align))


def _starts(length: int, side: int, align: int) -> Iterator[int]:
    count = 1 if side >= length else math.ceil((length - OVERLAP * side) / ((1 - OVERLAP) * side))
    return (round(i * (length - side) / max(1, count - 1) / align) * align for i in range(count))


def seen_in(window: Window, canvas: tuple[int, int], whole: Conditioning, hints: Sequence[Tensor]) -> Conditioning:
    """What one window is shown. canvas: (h, w) of the latent; whole: of the canvas, but for `hints`, the window's own.

    Tokens, style and what is injected (squashed to a window) are the same in all.
    """
    bias, masked, behind = whole.token_bias, whole.masked, whole.background
    if bias is not None and bias.areas is not None:
        bias = replace(bias, areas=window.of(bias.areas).contiguous(), _kept={})
    return replace(whole, hints=tuple(hints), token_bias=bias, masked=_masked(window, masked),
                   background=_behind(window, canvas, behind))


def _masked(window: Window, masked: MaskedTokens | None) -> MaskedTokens | None:
    return None if masked is None else replace(masked, mask=_mask(window, masked.mask))


def _mask(window: Window, mask: FigureMask) -> FigureMask:
    return FigureMask(window.of(mask.mask).contiguous(), mask.threshold)


def _behind(window: Window, canvas: tuple[int, int], behind: BackgroundMaps | None) -> BackgroundMaps | None:
    if behind is None:
        return None
    return BackgroundMaps(tuple(_part_of_map(window, canvas, one) for one in behind.maps), _mask(window, behind.mask))


def _part_of_map(window: Window, canvas: tuple[int, int], tokens: Tensor) -> Tensor:
    """tokens: [1, n, c] of a map that is halved some times -> those of the window."""
    level = next(i for i in range(LEVELS) if (canvas[0] >> i) * (canvas[1] >> i) == tokens.shape[1])
    grid = tokens.reshape(1, canvas[0] >> level, canvas[1] >> level, -1)
    top, left, height, width = (side >> level for side in (window.top, window.left, window.height, window.width))
    return grid[:, top:top + height, left:left + width].flatten(1, 2)

"""Sketch + reference + settings -> Conditioning: everything that the U-Net is shown, encoded once for a whole job."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import ColorizeError
from .guidance import Branch
from .injected_picture import InjectedPicture
from .masking import BackgroundMaps, MaskedTokens
from .settings import Settings
from .sketch_encoder import SketchEncoder
from .token_bias import TokenBias

__all__ = ["Branch", "Conditioning", "encode"]


@dataclass(frozen=True, eq=False)  # tensors have no truth value to compare by
class Conditioning:
    """tokens: [B or 1, N, D] of `shown_tokens`, None = no reference; hints: five of [B or 1, C_i, h_i, w_i], times the
    sketch strength; blank_hints: those of the all -1 sketch, None unless sketch guidance is on.

    What follows is None where it is not used; it is of one picture, and serves any batch.
    masked: figure and background apart, shown in place of `tokens`. style: v2's modulation of each output block,
    [1, 2 c_i]; background: v2's maps for its skips. token_bias: of several references, whose tokens lie side by side.
    injection: the picture whose features self-attention looks at too.
    """

    tokens: Tensor | None
    hints: tuple[Tensor, ...]
    blank_hints: tuple[Tensor, ...] | None = None
    masked: MaskedTokens | None = None
    style: tuple[Tensor, ...] | None = None
    background: BackgroundMaps | None = None
    token_bias: TokenBias | None = None
    injection: InjectedPicture | None = None

    @property
    def has_reference(self) -> bool:
        """Whether a row without a reference differs from one with it."""
        return self.tokens is not None or self.masked is not None

    @property
    def latent_size(self) -> tuple[int, int]:
        """(h, w) of what is sampled, which the first hint is added to."""
        height, width = self.hints[0].shape[-2:]
        return height, width

    @property
    def pictures(self) -> int:
        """How many different pictures this describes; 1 serves any batch. ColorizeError when the parts disagree."""
        parts = (*self.hints, *(self.blank_hints or ()), *(() if self.tokens is None else (self.tokens,)))
        regions = 1 if self.token_bias is None else self.token_bias.pictures
        sizes = sorted({regions, *map(len, parts)} - {1})
        if len(sizes) > 1:
            raise ColorizeError(f"conditioning for {' and '.join(map(str, sizes))} pictures at once; "
                                "give one sketch and one reference, or as many of each")
        return sizes[0] if sizes else 1


@torch.no_grad()
def encode(
    sketch_encoder: SketchEncoder, sketch: Tensor, tokens: Tensor | None, settings: Settings,
) -> Conditioning:
    """sketch: [B or 1, 3, H, W] in [-1, 1], lines +1 on -1; tokens: [B or 1, N, D] of `shown_tokens`, or None.

    The sketch goes to its encoder's own device and dtype, and so do the hints.
    """
    sketch = sketch.to(next(sketch_encoder.parameters()))
    hints = tuple(hint * settings.sketch_strength for hint in sketch_encoder(sketch))
    blank_hints = None
    if settings.sketch_guidance > 1:
        blank = torch.full_like(sketch[:1], -1.0)
        blank_hints = tuple(hint * settings.sketch_strength for hint in sketch_encoder(blank))
    return Conditioning(tokens, hints, blank_hints)

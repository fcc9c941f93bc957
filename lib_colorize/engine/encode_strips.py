"""The auto-encoder's encoder in strips of rows, layer by layer; as `vae_strips`, for large pictures: without seams."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .networks import AutoencoderKL
from .vae_layers import convolution
from .vae_strips import STRIP, WHOLE, Activation, blocks_of, last_layer, middle


class Convolved(Activation):
    """A picture [B, 3, H, W] after the first convolution; its rows are made anew each time they are asked for."""

    stored = False

    def __init__(self, picture: Tensor, convolve: nn.Conv2d, size: tuple[int, int]) -> None:
        super().__init__(picture, size)
        self.channels = convolve.out_channels
        self.convolve = convolution(convolve, picture)

    def rows(self, first: int, end: int) -> Tensor:
        low, high = max(first - 1, 0), min(end + 1, self.height)
        return self.convolve(self.x[:, :, low:high])[:, :, first - low:end - low]


@torch.no_grad()
def encode_in_strips(
    vae: AutoencoderKL, pictures: Tensor, whole: int = WHOLE, strip: int = STRIP,
) -> tuple[Tensor, Tensor]:
    """pictures: [B, 3, H, W] in [-1, 1], of the dtype to compute in -> mean and log variance [B, C, h, w], unscaled.

    What `vae.encode` gives but for the order of sums. whole, strip: of `vae_strips`.
    """
    encoder: Any = vae.encoder
    x: Activation = Convolved(pictures, encoder.conv_in, (whole, strip))
    for level in encoder.down:
        x = blocks_of(level, x)
        if hasattr(level, "downsample"):
            x = downsampled(x, level.downsample)
    moments = last_layer(encoder, middle(encoder.mid, x)).float()
    mean, logvar = convolution(vae.quant_conv, moments)(moments).chunk(2, dim=1)
    return mean, logvar.clamp(-30.0, 20.0)


def downsampled(x: Activation, module: Any) -> Activation:
    """Half as high and wide; `ldm` pads to the right and below alone. x is let go of."""
    convolve = convolution(module.conv, x.x) if module.with_conv else None
    made = []
    for first, end in _even(x):
        rows = x.rows(first, min(end + 1, x.height) if convolve is not None else end)
        if convolve is not None:
            rows = convolve(F.pad(rows, (0, 1, 0, 1 if end >= x.height else 0)))
        else:
            rows = F.avg_pool2d(rows, 2, 2)
        made.append(rows)
    x.let_go()
    return Activation(torch.cat(made, 2), x.size)


def _even(x: Activation) -> list[tuple[int, int]]:
    """Strips of an even number of rows each."""
    first, end = next(x.strips())
    step = max(2, (end - first) // 2 * 2) if end < x.height else x.height
    return [(start, min(start + step, x.height)) for start in range(0, x.height, step)]

"""The auto-encoder's decoder in strips of rows, layer by layer: a picture of any size in bounded memory, without seams.

Tiles that are decoded one by one have group norms of their own, and differ in colour from tile to tile. Here each layer
runs over the whole picture before the next begins, and its norms take their statistics from all strips, so that the
result is that of the whole decoder but for the order of sums. What stands in memory are the activations between two
layers; of the largest, those after each upsampling, not even these: their rows are made anew each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .networks import AutoencoderKL
from .vae_layers import Layer, attended, convolution, layout_of, normalization, normalized, statistics_of

WHOLE = 2**26  # numbers of an activation that is processed at once, 134 MB in half precision: 512 px at 256 channels
STRIP = 2**24  # numbers of a strip of a larger one


class Activation:
    """[B, C, H, W] between two layers, stored."""

    stored = True

    def __init__(self, x: Tensor, size: tuple[int, int]) -> None:
        """size: see WHOLE and STRIP."""
        self.x, self.size = x, size
        _, self.channels, self.height, self.width = x.shape

    def rows(self, first: int, end: int) -> Tensor:
        """[B, C, end - first, W]; where it is stored, a view."""
        return self.x[:, :, first:end]

    def let_go(self) -> None:
        """Give back the memory, whoever holds this."""
        self.x = self.x.new_empty((0, *self.x.shape[1:]))  # a slice would hold all of it

    def strips(self, channels: int = 0) -> Iterator[tuple[int, int]]:
        """(first, end) of each strip of a layer between this and `channels`."""
        whole, strip = self.size
        row = len(self.x) * max(self.channels, channels) * self.width
        count = self.height if row * self.height <= whole else max(1, strip // row)
        return ((first, min(first + count, self.height)) for first in range(0, self.height, count))

    def normalization(self, norm: nn.GroupNorm) -> Layer:
        """Norm by the statistics of the whole, and silu; for rows of it."""
        strips = [*self.strips()]
        if len(strips) == 1:
            return partial(normalized, norm)
        found = [(end - first, *statistics_of(norm, self.rows(first, end))) for first, end in strips]
        every, last = found[0][0] / self.height, found[-1][0] / self.height  # shares of a strip, and of the last one

        def together(values: Sequence[Tensor]) -> Tensor:
            return every * torch.stack([*values[:-1]]).sum(0) + last * values[-1]

        mean = together([mean for _, mean, _ in found])
        variance = together([variance + (own - mean) ** 2 for _, own, variance in found])  # Chan 1979
        return normalization(norm, (mean, variance))


class Upsampled(Activation):
    """Twice as high and wide; its rows are made anew each time they are asked for."""

    stored = False

    def __init__(self, below: Activation, module: Any) -> None:
        super().__init__(below.x, below.size)
        self.convolve = convolution(module.conv, below.x) if module.with_conv else None
        self.height, self.width = 2 * below.height, 2 * below.width
        self.below = below.height

    def rows(self, first: int, end: int) -> Tensor:
        low, high = max(first // 2 - 1, 0), min((end + 1) // 2 + 1, self.below)  # a row more on each side
        larger = F.interpolate(self.x[:, :, low:high], scale_factor=2.0, mode="nearest")
        if self.convolve is not None:
            larger = self.convolve(larger)
        return larger[:, :, first - 2 * low:end - 2 * low]


@torch.no_grad()
def decode_in_strips(
    vae: AutoencoderKL, latent: Tensor, dtype: torch.dtype, whole: int = WHOLE, strip: int = STRIP,
) -> Tensor:
    """latent: [B, C, h, w], scaled -> picture [B, 3, H, W] of dtype, about [-1, 1], not clamped.

    What dtype cannot hold comes out as values that are not finite. whole, strip: see the constants.
    """
    decoder: Any = vae.decoder
    z = convolution(vae.post_quant_conv, latent)(latent / vae.scale_factor).to(dtype)
    x = Activation(convolution(decoder.conv_in, z)(z), (whole, strip))
    x = middle(decoder.mid, x)
    for level in reversed(decoder.up):
        x = blocks_of(level, x)
        if hasattr(level, "upsample"):
            x = upsampled(x, level.upsample)
    return last_layer(decoder, x)


def middle(mid: Any, x: Activation) -> Activation:
    """The blocks of the lowest level, of encoder and decoder alike. x is let go of."""
    x = residual(mid.block_1, x)
    x = Activation(attended(mid.attn_1, x.x), x.size)
    return residual(mid.block_2, x)


def blocks_of(level: Any, x: Activation) -> Activation:
    """The blocks of a level, each with its attention where there is one. x is let go of."""
    for i, block in enumerate(level.block):
        x = residual(block, x)
        if len(level.attn):
            x = Activation(attended(level.attn[i], x.x), x.size)
    return x


def last_layer(network: Any, x: Activation) -> Tensor:
    """Normalized and convolved to what an encoder or decoder gives."""
    act, convolve = x.normalization(network.norm_out), convolution(network.conv_out, x.x)
    found, = in_strips(x, 0, lambda rows: (convolve(act(rows)),))
    return found


def pictures_whole(vae: AutoencoderKL, latent: Tensor, whole: int = WHOLE) -> int:
    """How many pictures of such latents [B, C, h, w] are decoded without cutting them; at least 1."""
    decoder: Any = vae.decoder
    channels: int = max(decoder.up[0].block[0].in_channels, decoder.up[0].block[0].out_channels)
    pixels: int = latent.shape[2] * latent.shape[3] * vae.factor**2
    return max(1, whole // (channels * pixels))


def upsampled(x: Activation, module: Any) -> Activation:
    """Stored if it is one strip."""
    larger = Upsampled(x, module)
    return Activation(larger.rows(0, larger.height), x.size) if len(list(larger.strips())) == 1 else larger


def residual(block: Any, x: Activation) -> Activation:
    """A `ResnetBlock` of `ldm`; x is used up: overwritten, or let go of."""
    act, first = x.normalization(block.norm1), convolution(block.conv1, x.x)
    if block.in_channels != block.out_channels:
        shortcut = convolution(block.conv_shortcut if block.use_conv_shortcut else block.nin_shortcut, x.x)
        inner, total = in_strips(x, block.out_channels, lambda rows: (first(act(rows)), shortcut(rows)))
    elif x.stored:
        inner, = in_strips(x, block.out_channels, lambda rows: (first(act(rows)),))
        total = x.x
    else:
        inner, total = in_strips(x, block.out_channels, lambda rows: (first(act(rows)), rows))
    x.let_go()
    hidden = Activation(inner, x.size)
    act, second = hidden.normalization(block.norm2), convolution(block.conv2, inner)
    for (start, end), (change,) in outputs(hidden, 0, lambda rows: (second(act(rows)),)):
        total[:, :, start:end] += change
    return Activation(total, x.size)


Strip = tuple[tuple[int, int], tuple[Tensor, ...]]  # its first and end row, and what was made of it


def outputs(x: Activation, channels: int, layer: Callable[[Tensor], tuple[Tensor, ...]]) -> Iterator[Strip]:
    """Each strip of a layer of 3 x 3 convolutions at most. It is shown a row more on each side, for a strip's own edge
    is no edge of the picture, and what it makes of these is cut off.
    """
    for start, end in x.strips(channels):
        low, high = max(start - 1, 0), min(end + 1, x.height)
        yield (start, end), tuple(y[:, :, start - low:end - low] for y in layer(x.rows(low, high)))


def in_strips(x: Activation, channels: int, layer: Callable[[Tensor], tuple[Tensor, ...]]) -> Sequence[Tensor]:
    """What `layer` makes of the whole activation, put together."""
    whole: list[Tensor] = []
    for (start, end), made in outputs(x, channels, layer):
        if end - start == x.height:
            return made
        if not whole:
            whole = [torch.empty((*part.shape[:2], x.height, x.width), dtype=part.dtype, device=part.device,
                                 memory_format=layout_of(x.x)) for part in made]
        for all_rows, part in zip(whole, made):
            all_rows[:, :, start:end] = part
    return whole


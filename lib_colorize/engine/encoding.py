"""Pictures to moments of the posterior, for many pictures at a time: half precision, in parts of bounded memory."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .encode_strips import encode_in_strips
from .networks import AutoencoderKL
from .vae_layers import attended, convolution, normalized


@torch.no_grad()
def encode_moments(
    vae: AutoencoderKL, pictures: Tensor, dtype: torch.dtype = torch.float32, part: int = 0,
) -> tuple[Tensor, Tensor]:
    """What `vae.encode` gives, without a gradient: mean and log variance [B, C, h, w], unscaled, always float32.

    pictures: [B, 3, H, W] in [-1, 1], any float type; on a GPU in channels_last they are not copied once more.
    dtype: of the activations; float32 is `vae.encode` itself. The weights may be of any float type and stay as they
    are: those of another dtype are cast at use. Sums of norms, and the last 1 x 1 convolution, are float32 always. No
    autocast should be open, which would cast them again.
    part: so many pictures at once, 0 = all. A picture's numbers do not depend on the others but for the rounding of
    convolutions.
    """
    parts = torch.split(pictures, part or max(1, len(pictures)))
    if dtype == torch.float32:
        made = [vae.encode(some) for some in parts]
    else:
        layout = torch.channels_last if pictures.is_cuda else torch.contiguous_format
        made = [_encode(vae, some.to(dtype, memory_format=layout)) for some in parts]
    mean, logvar = (torch.cat([moments[i] for moments in made]) for i in (0, 1))
    return mean, logvar


@torch.no_grad()
def posterior(vae: AutoencoderKL, pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation [B, C, h, w] of the latents of pictures, scaled, float32; whatever the weights' type.

    pictures: [B, 3, H, W] in [-1, 1], float32.
    """
    weight: Tensor = vae.encoder.conv_in.weight  # half where an engine decodes in half precision
    mean, logvar = encode_moments(vae, pictures, weight.dtype)
    if weight.dtype != torch.float32 and not bool(torch.isfinite(mean).all()):  # more than half precision can hold
        mean, logvar = _encode(vae, pictures)
    return vae.scale_factor * mean, vae.scale_factor * (0.5 * logvar).exp()


def large_mean(vae: AutoencoderKL, picture: Tensor) -> Tensor:
    """`posterior`'s mean of one picture of any size [1, 3, H, W], in strips where the whole would take much memory."""
    weight: Tensor = vae.encoder.conv_in.weight
    mean, _ = encode_in_strips(vae, picture.to(weight.dtype))
    if not bool(torch.isfinite(mean).all()):
        mean, _ = encode_in_strips(vae, picture)
    return vae.scale_factor * mean


def _encode(vae: AutoencoderKL, x: Tensor) -> tuple[Tensor, Tensor]:
    """x: [B, 3, H, W] of the dtype to compute in; level by level as `ldm`'s Encoder."""
    encoder: Any = vae.encoder
    h = convolution(encoder.conv_in, x)(x)
    for level in encoder.down:
        for i, block in enumerate(level.block):
            h = _residual(block, h)
            if len(level.attn):
                h = attended(level.attn[i], h)
        if hasattr(level, "downsample"):
            h = _downsampled(level.downsample, h)
    h = _residual(encoder.mid.block_1, h)
    h = attended(encoder.mid.attn_1, h)
    h = _residual(encoder.mid.block_2, h)
    h = convolution(encoder.conv_out, h)(normalized(encoder.norm_out, h)).float()
    mean, logvar = convolution(vae.quant_conv, h)(h).chunk(2, dim=1)
    return mean, logvar.clamp(-30.0, 20.0)


def _residual(block: Any, x: Tensor) -> Tensor:
    """A `ResnetBlock` of `ldm`."""
    h = convolution(block.conv1, x)(normalized(block.norm1, x))
    h = convolution(block.conv2, x)(normalized(block.norm2, h))
    if block.in_channels != block.out_channels:
        x = convolution(block.conv_shortcut if block.use_conv_shortcut else block.nin_shortcut, x)(x)
    return h.add_(x)


def _downsampled(module: Any, x: Tensor) -> Tensor:
    """`ldm` pads to the right and below alone."""
    return convolution(module.conv, x)(F.pad(x, (0, 1, 0, 1))) if module.with_conv else F.avg_pool2d(x, 2, 2)

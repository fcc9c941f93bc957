"""Every key and shape that networks of given sizes have, in LDM's and open_clip's names (method.md section 1).

Spatial transformers are written with 1x1 convolutions, the released form; `canonical_shape` brings 2-D ones to it.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor

from ..method.network_config import NetworkConfig, SketchConfig, VisionConfig
from .keys import Keys, layer
from .unet_keys import unet_shapes
from .vae_keys import vae_shapes

SKETCH_WIDTHS = (16, 16, 32, 32, 96, 96, 256)  # of model.0, .2, ... .12; model.14 has the U-Net's channels


def expected_shapes(part: str, config: NetworkConfig) -> Keys:
    """Key (without the part's prefix) -> shape; empty when the configuration has no such part."""
    if part == "unet":
        return unet_shapes(config.unet)
    if part == "vae":
        return vae_shapes(config.vae) if config.vae else {}
    if part == "sketch_encoder":
        return sketch_shapes(config.sketch) if config.sketch else {}
    return vision_shapes(config.reference) if config.reference else {}


def is_projection(key: str) -> bool:
    """True for proj_in / proj_out of a U-Net's spatial transformer, the weights that come as 2-D or 4-D."""
    return key.endswith((".proj_in.weight", ".proj_out.weight"))


def canonical_shape(key: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape with a 2-D U-Net projection as the 1x1 convolution that it equals."""
    return (*shape, 1, 1) if is_projection(key) and len(shape) == 2 else shape


def as_convolution(key: str, value: Tensor) -> Tensor:
    """A 2-D projection as the 1x1 convolution that it equals; anything else as it is."""
    return value[:, :, None, None] if is_projection(key) and value.ndim == 2 else value


def sketch_shapes(c: SketchConfig) -> Keys:
    """The sketch encoder."""
    keys: Keys = {}
    widths = (c.in_channels, *SKETCH_WIDTHS, c.model_channels)
    for i, (inside, out) in enumerate(pairwise(widths)):
        layer(keys, f"model.{2 * i}", out, inside, 3, 3)
    layer(keys, "zero_layer.0", c.model_channels, c.model_channels, 1, 1)
    channels = c.model_channels
    for i, mult in enumerate(c.channel_mult):
        out = mult * c.model_channels
        layer(keys, f"output_blocks.{i}.1", out, channels, 3, 3)
        layer(keys, f"output_blocks.{i}.3", out, out, 3, 3)
        layer(keys, f"zero_blocks.{i}.0", out, out, 1, 1)
        channels = out
    return keys


def vision_shapes(c: VisionConfig) -> Keys:
    """open_clip's `VisionTransformer`."""
    tokens = (c.image_size // c.patch_size) ** 2
    hidden = int(c.width * c.mlp_ratio)
    keys: Keys = {
        "class_embedding": (c.width,), "positional_embedding": (tokens + 1, c.width), "proj": (c.width, c.output_dim),
        "conv1.weight": (c.width, 3, c.patch_size, c.patch_size)}
    layer(keys, "ln_pre", c.width)
    for i in range(c.layers):
        block_shapes(keys, f"transformer.resblocks.{i}", c.width, hidden)
    layer(keys, "ln_post", c.width)
    return keys


def block_shapes(keys: Keys, block: str, width: int, hidden: int) -> None:
    """One of open_clip's residual attention blocks."""
    layer(keys, f"{block}.ln_1", width)
    keys[f"{block}.attn.in_proj_weight"] = (3 * width, width)
    keys[f"{block}.attn.in_proj_bias"] = (3 * width,)
    layer(keys, f"{block}.attn.out_proj", width, width)
    layer(keys, f"{block}.ln_2", width)
    layer(keys, f"{block}.mlp.c_fc", hidden, width)
    layer(keys, f"{block}.mlp.c_proj", width, hidden)

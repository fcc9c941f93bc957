"""Every key and shape that networks of given sizes have, in LDM's and open_clip's names (method.md section 1).

Spatial transformers are written with 1x1 convolutions, the released form; `canonical_shape` brings 2-D ones to it.
"""

from __future__ import annotations

from itertools import pairwise

from ..method.network_config import NetworkConfig, SketchConfig, UNetConfig, VAEConfig, VisionConfig

Keys = dict[str, tuple[int, ...]]
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


def unet_shapes(c: UNetConfig) -> Keys:
    """LDM's `UNetModel` with `use_linear_in_transformer=False`."""
    keys: Keys = {}
    embed = 4 * c.model_channels
    _layer(keys, "time_embed.0", embed, c.model_channels)
    _layer(keys, "time_embed.2", embed, embed)
    _layer(keys, "input_blocks.0.0", c.model_channels, c.in_channels, 3, 3)
    channels, factor, block = c.model_channels, 1, 0
    skips = [channels]
    for level, mult in enumerate(c.channel_mult):
        for _ in range(c.num_res_blocks):
            block += 1
            _res_block(keys, f"input_blocks.{block}.0", channels, mult * c.model_channels, embed)
            channels = mult * c.model_channels
            if factor in c.attention_resolutions:
                _transformer(keys, f"input_blocks.{block}.1", channels, c)
            skips.append(channels)
        if level < len(c.channel_mult) - 1:
            block += 1
            factor *= 2
            _layer(keys, f"input_blocks.{block}.0.op", channels, channels, 3, 3)
            skips.append(channels)
    _res_block(keys, "middle_block.0", channels, channels, embed)
    _transformer(keys, "middle_block.1", channels, c)
    _res_block(keys, "middle_block.2", channels, channels, embed)
    _unet_decoder(keys, c, skips, channels, factor)
    _layer(keys, "out.0", c.model_channels)
    _layer(keys, "out.2", c.out_channels, c.model_channels, 3, 3)
    return keys


def _unet_decoder(keys: Keys, c: UNetConfig, skips: list[int], channels: int, factor: int) -> None:
    block = -1
    for level, mult in reversed(list(enumerate(c.channel_mult))):
        for i in range(c.num_res_blocks + 1):
            block += 1
            wider = mult * c.model_channels
            _res_block(keys, f"output_blocks.{block}.0", channels + skips.pop(), wider, 4 * c.model_channels)
            channels = wider
            has_attention = factor in c.attention_resolutions
            if has_attention:
                _transformer(keys, f"output_blocks.{block}.1", channels, c)
            if level and i == c.num_res_blocks:
                _layer(keys, f"output_blocks.{block}.{1 + has_attention}.conv", channels, channels, 3, 3)
                factor //= 2


def _res_block(keys: Keys, name: str, inside: int, out: int, embed: int) -> None:
    _layer(keys, f"{name}.in_layers.0", inside)
    _layer(keys, f"{name}.in_layers.2", out, inside, 3, 3)
    _layer(keys, f"{name}.emb_layers.1", out, embed)
    _layer(keys, f"{name}.out_layers.0", out)
    _layer(keys, f"{name}.out_layers.3", out, out, 3, 3)
    if inside != out:
        _layer(keys, f"{name}.skip_connection", out, inside, 1, 1)


def _transformer(keys: Keys, name: str, ch: int, c: UNetConfig) -> None:
    _layer(keys, f"{name}.norm", ch)
    _layer(keys, f"{name}.proj_in", ch, ch, 1, 1)
    for depth in range(c.transformer_depth):
        block = f"{name}.transformer_blocks.{depth}"
        for attention, context in (("attn1", ch), ("attn2", c.context_dim)):
            keys[f"{block}.{attention}.to_q.weight"] = (ch, ch)
            keys[f"{block}.{attention}.to_k.weight"] = (ch, context)
            keys[f"{block}.{attention}.to_v.weight"] = (ch, context)
            _layer(keys, f"{block}.{attention}.to_out.0", ch, ch)
        _layer(keys, f"{block}.ff.net.0.proj", 8 * ch, ch)
        _layer(keys, f"{block}.ff.net.2", ch, 4 * ch)
        for norm in ("norm1", "norm2", "norm3"):
            _layer(keys, f"{block}.{norm}", ch)
    _layer(keys, f"{name}.proj_out", ch, ch, 1, 1)


def vae_shapes(c: VAEConfig) -> Keys:
    """LDM's `AutoencoderKL` (double_z)."""
    keys: Keys = {}
    top = c.ch * c.ch_mult[-1]
    levels = range(len(c.ch_mult))
    _layer(keys, "encoder.conv_in", c.ch, c.in_channels, 3, 3)
    channels = c.ch
    for i in levels:
        channels = _vae_level(keys, f"encoder.down.{i}", channels, i, c.num_res_blocks, c)
        if i < len(c.ch_mult) - 1:
            _layer(keys, f"encoder.down.{i}.downsample.conv", channels, channels, 3, 3)
    _vae_ends(keys, "encoder", top, top, 2 * c.z_channels)
    _layer(keys, "decoder.conv_in", top, c.z_channels, 3, 3)
    channels = top
    for i in reversed(levels):
        channels = _vae_level(keys, f"decoder.up.{i}", channels, i, c.num_res_blocks + 1, c)
        if i:
            _layer(keys, f"decoder.up.{i}.upsample.conv", channels, channels, 3, 3)
    _vae_ends(keys, "decoder", top, channels, c.out_ch)
    _layer(keys, "quant_conv", 2 * c.embed_dim, 2 * c.z_channels, 1, 1)
    _layer(keys, "post_quant_conv", c.z_channels, c.embed_dim, 1, 1)
    return keys


def _vae_level(keys: Keys, name: str, channels: int, level: int, blocks: int, c: VAEConfig) -> int:
    out = c.ch * c.ch_mult[level]
    for j in range(blocks):
        _vae_block(keys, f"{name}.block.{j}", channels, out)
        channels = out
        if 256 // 2**level in c.attn_resolutions:
            _vae_attention(keys, f"{name}.attn.{j}", out)
    return channels


def _vae_ends(keys: Keys, name: str, middle: int, last: int, out: int) -> None:
    _vae_block(keys, f"{name}.mid.block_1", middle, middle)
    _vae_attention(keys, f"{name}.mid.attn_1", middle)
    _vae_block(keys, f"{name}.mid.block_2", middle, middle)
    _layer(keys, f"{name}.norm_out", last)
    _layer(keys, f"{name}.conv_out", out, last, 3, 3)


def _vae_block(keys: Keys, name: str, inside: int, out: int) -> None:
    _layer(keys, f"{name}.norm1", inside)
    _layer(keys, f"{name}.conv1", out, inside, 3, 3)
    _layer(keys, f"{name}.norm2", out)
    _layer(keys, f"{name}.conv2", out, out, 3, 3)
    if inside != out:
        _layer(keys, f"{name}.nin_shortcut", out, inside, 1, 1)


def _vae_attention(keys: Keys, name: str, ch: int) -> None:
    _layer(keys, f"{name}.norm", ch)
    for layer in ("q", "k", "v", "proj_out"):
        _layer(keys, f"{name}.{layer}", ch, ch, 1, 1)


def sketch_shapes(c: SketchConfig) -> Keys:
    """The sketch encoder."""
    keys: Keys = {}
    widths = (c.in_channels, *SKETCH_WIDTHS, c.model_channels)
    for i, (inside, out) in enumerate(pairwise(widths)):
        _layer(keys, f"model.{2 * i}", out, inside, 3, 3)
    _layer(keys, "zero_layer.0", c.model_channels, c.model_channels, 1, 1)
    channels = c.model_channels
    for i, mult in enumerate(c.channel_mult):
        out = mult * c.model_channels
        _layer(keys, f"output_blocks.{i}.1", out, channels, 3, 3)
        _layer(keys, f"output_blocks.{i}.3", out, out, 3, 3)
        _layer(keys, f"zero_blocks.{i}.0", out, out, 1, 1)
        channels = out
    return keys


def vision_shapes(c: VisionConfig) -> Keys:
    """open_clip's `VisionTransformer`."""
    tokens = (c.image_size // c.patch_size) ** 2
    hidden = int(c.width * c.mlp_ratio)
    keys: Keys = {
        "class_embedding": (c.width,), "positional_embedding": (tokens + 1, c.width), "proj": (c.width, c.output_dim),
        "conv1.weight": (c.width, 3, c.patch_size, c.patch_size)}
    _layer(keys, "ln_pre", c.width)
    for i in range(c.layers):
        block = f"transformer.resblocks.{i}"
        _layer(keys, f"{block}.ln_1", c.width)
        keys[f"{block}.attn.in_proj_weight"] = (3 * c.width, c.width)
        keys[f"{block}.attn.in_proj_bias"] = (3 * c.width,)
        _layer(keys, f"{block}.attn.out_proj", c.width, c.width)
        _layer(keys, f"{block}.ln_2", c.width)
        _layer(keys, f"{block}.mlp.c_fc", hidden, c.width)
        _layer(keys, f"{block}.mlp.c_proj", c.width, hidden)
    _layer(keys, "ln_post", c.width)
    return keys


def _layer(keys: Keys, name: str, out: int, *rest: int) -> None:
    """A layer with bias; no further sizes = a norm."""
    keys[f"{name}.weight"] = (out, *rest)
    keys[f"{name}.bias"] = (out,)

"""Every key and shape of a KL auto-encoder of given sizes."""

from __future__ import annotations

from ..method.network_config import VAEConfig
from .keys import Keys, layer


def vae_shapes(c: VAEConfig) -> Keys:
    """LDM's `AutoencoderKL` (double_z)."""
    keys: Keys = {}
    top = c.ch * c.ch_mult[-1]
    levels = range(len(c.ch_mult))
    layer(keys, "encoder.conv_in", c.ch, c.in_channels, 3, 3)
    channels = c.ch
    for i in levels:
        channels = _vae_level(keys, f"encoder.down.{i}", channels, i, c.num_res_blocks, c)
        if i < len(c.ch_mult) - 1:
            layer(keys, f"encoder.down.{i}.downsample.conv", channels, channels, 3, 3)
    _vae_ends(keys, "encoder", top, top, 2 * c.z_channels)
    layer(keys, "decoder.conv_in", top, c.z_channels, 3, 3)
    channels = top
    for i in reversed(levels):
        channels = _vae_level(keys, f"decoder.up.{i}", channels, i, c.num_res_blocks + 1, c)
        if i:
            layer(keys, f"decoder.up.{i}.upsample.conv", channels, channels, 3, 3)
    _vae_ends(keys, "decoder", top, channels, c.out_ch)
    layer(keys, "quant_conv", 2 * c.embed_dim, 2 * c.z_channels, 1, 1)
    layer(keys, "post_quant_conv", c.z_channels, c.embed_dim, 1, 1)
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
    layer(keys, f"{name}.norm_out", last)
    layer(keys, f"{name}.conv_out", out, last, 3, 3)


def _vae_block(keys: Keys, name: str, inside: int, out: int) -> None:
    layer(keys, f"{name}.norm1", inside)
    layer(keys, f"{name}.conv1", out, inside, 3, 3)
    layer(keys, f"{name}.norm2", out)
    layer(keys, f"{name}.conv2", out, out, 3, 3)
    if inside != out:
        layer(keys, f"{name}.nin_shortcut", out, inside, 1, 1)


def _vae_attention(keys: Keys, name: str, ch: int) -> None:
    layer(keys, f"{name}.norm", ch)
    for part in ("q", "k", "v", "proj_out"):
        layer(keys, f"{name}.{part}", ch, ch, 1, 1)

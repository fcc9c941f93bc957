"""Every key and shape of a U-Net of given sizes; `method/unet.py` builds what has them."""

from __future__ import annotations

from ..method.network_config import UNetConfig
from .keys import Keys, layer


def unet_shapes(c: UNetConfig) -> Keys:
    """LDM's `UNetModel` with `use_linear_in_transformer=False`."""
    keys: Keys = {}
    embed = 4 * c.model_channels
    layer(keys, "time_embed.0", embed, c.model_channels)
    layer(keys, "time_embed.2", embed, embed)
    layer(keys, "input_blocks.0.0", c.model_channels, c.in_channels, 3, 3)
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
            layer(keys, f"input_blocks.{block}.0.op", channels, channels, 3, 3)
            skips.append(channels)
    _res_block(keys, "middle_block.0", channels, channels, embed)
    _transformer(keys, "middle_block.1", channels, c)
    _res_block(keys, "middle_block.2", channels, channels, embed)
    _unet_decoder(keys, c, skips, channels, factor)
    layer(keys, "out.0", c.model_channels)
    layer(keys, "out.2", c.out_channels, c.model_channels, 3, 3)
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
                layer(keys, f"output_blocks.{block}.{1 + has_attention}.conv", channels, channels, 3, 3)
                factor //= 2


def _res_block(keys: Keys, name: str, inside: int, out: int, embed: int) -> None:
    layer(keys, f"{name}.in_layers.0", inside)
    layer(keys, f"{name}.in_layers.2", out, inside, 3, 3)
    layer(keys, f"{name}.emb_layers.1", out, embed)
    layer(keys, f"{name}.out_layers.0", out)
    layer(keys, f"{name}.out_layers.3", out, out, 3, 3)
    if inside != out:
        layer(keys, f"{name}.skip_connection", out, inside, 1, 1)


def _transformer(keys: Keys, name: str, ch: int, c: UNetConfig) -> None:
    layer(keys, f"{name}.norm", ch)
    layer(keys, f"{name}.proj_in", ch, ch, 1, 1)
    for depth in range(c.transformer_depth):
        block = f"{name}.transformer_blocks.{depth}"
        for attention, context in (("attn1", ch), ("attn2", c.context_dim)):
            keys[f"{block}.{attention}.to_q.weight"] = (ch, ch)
            keys[f"{block}.{attention}.to_k.weight"] = (ch, context)
            keys[f"{block}.{attention}.to_v.weight"] = (ch, context)
            layer(keys, f"{block}.{attention}.to_out.0", ch, ch)
        layer(keys, f"{block}.ff.net.0.proj", 8 * ch, ch)
        layer(keys, f"{block}.ff.net.2", ch, 4 * ch)
        for norm in ("norm1", "norm2", "norm3"):
            layer(keys, f"{block}.{norm}", ch)
    layer(keys, f"{name}.proj_out", ch, ch, 1, 1)

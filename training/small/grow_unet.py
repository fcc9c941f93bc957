"""A U-Net with wider levels that begins, nearly, as a narrower one, and the sketch encoder that belongs to it.

Not carried over, and learnt anew, is what the narrower network does at once to a map of another width: the residual
branch that first widens to a width that both networks have, and the normed reading of its input in the decoder. Where
maps of unlike growth are joined, a norm's groups are other ones.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from lib_colorize.errors import ColorizeError
from lib_colorize.method.network_config import NetworkConfig, UNetConfig
from lib_colorize.method.sketch_encoder import SketchEncoder
from lib_colorize.method.unet import UNet
from training.small.channel_growth import Channels, Growth, State, same


def grown_unet(unet: State, sketch: State, old: NetworkConfig, new: NetworkConfig) -> tuple[State, State]:
    """Both networks at the widths of `new`; keys of the LDM layout and of our encoder, without prefix.

    ColorizeError for sizes between which nothing can be carried over.
    """
    small, large = old.unet, new.unet
    if small == large:
        return unet, sketch
    if replace(large, channel_mult=small.channel_mult) != small or len(large.channel_mult) != len(small.channel_mult):
        raise ColorizeError(f"U-Net: found {small}, expected one that {large} can begin as: the same but for narrower "
                            "levels; begin with --start none")
    assert old.sketch is not None and new.sketch is not None
    generator = torch.Generator().manual_seed(0)
    walk = _Walk(Growth(unet, dict(UNet(large).state_dict()), generator), small, large)
    walk.run()
    fresh = dict(SketchEncoder(new.sketch.model_channels, new.sketch.channel_mult, new.sketch.in_channels).state_dict())
    _grow_sketch(Growth(sketch, fresh, generator), walk)
    return walk.growth.new, fresh


class _Walk:
    """Block by block through the U-Net, with the channels that each gives."""

    def __init__(self, growth: Growth, small: UNetConfig, large: UNetConfig) -> None:
        self.growth, self.small, self.large = growth, small, large
        self.levels = [Channels.repeated(*(config.model_channels * config.channel_mult[level]
                                           for config in (small, large))) for level in range(len(small.channel_mult))]
        self.first = same(small.model_channels)
        self.time, self.context = same(4 * small.model_channels), same(small.context_dim)
        self.hinted: list[Channels] = []
        self.widening: Tensor | None = None  # [new, old] of a convolution that the wider network has in the halving
        self.widened = -1  # the input block that halves so

    def run(self) -> None:
        g, config = self.growth, self.large
        for name in ("time_embed.0", "time_embed.2", "input_blocks.0.0"):
            for kind in ("weight", "bias"):
                g.new[f"{name}.{kind}"] = g.old[f"{name}.{kind}"].float()
        now, place, skips = self.first, 0, [self.first]
        self.hinted.append(now)
        for level, out in enumerate(self.levels):
            for _ in range(config.num_res_blocks):
                place += 1
                now = self._block(f"input_blocks.{place}", now, out)
                skips.append(now)
            if level < len(self.levels) - 1:
                place += 1
                now = self._halving(place, now, self.levels[level + 1])
                skips.append(now)
                self.hinted.append(now)
        self.hinted.append(now)
        self._residual("middle_block.0", now, now)
        self._transformer("middle_block.1", now)
        self._residual("middle_block.2", now, now)
        place = 0
        for level in range(len(self.levels) - 1, -1, -1):
            out = self.levels[level]
            for i in range(config.num_res_blocks + 1):
                skip = skips.pop()
                now = self._block(f"output_blocks.{place}", now, out, skip, torn=len(skips) == self.widened)
                if level and i == config.num_res_blocks:
                    number = 2 if f"output_blocks.{place}.2.conv.weight" in g.old else 1
                    g.layer(f"output_blocks.{place}.{number}.conv", now, now)
                place += 1
        g.norm("out.0", now)
        g.layer("out.2", same(config.out_channels), now)

    def _block(
        self, name: str, now: Channels, out: Channels, skip: Channels | None = None, torn: bool = False,
    ) -> Channels:
        self._residual(f"{name}.0", now, out, skip, torn)
        if f"{name}.1.proj_in.weight" in self.growth.old:
            self._transformer(f"{name}.1", out)
        return out

    def _halving(self, place: int, now: Channels, next_level: Channels) -> Channels:
        """The convolution that halves; with the widening that follows in the narrower network, where the wider has
        none.
        """
        g, name = self.growth, f"input_blocks.{place}.0.op"
        after = f"input_blocks.{place + 1}.0.skip_connection"
        if f"{after}.weight" not in g.old or f"{after}.weight" in g.new:
            g.layer(name, now, now)
            return now
        wide = g.old[f"{after}.weight"].float().flatten(1)[next_level.of]
        whole = torch.einsum("no,oihw->nihw", wide, g.old[f"{name}.weight"].float())
        g.new[f"{name}.weight"] = g.divided(whole, now)
        g.new[f"{name}.bias"] = wide @ g.old[f"{name}.bias"].float() + g.old[f"{after}.bias"].float()[next_level.of]
        self.widening, self.widened = wide, place
        return next_level

    def _residual(
        self, name: str, now: Channels, out: Channels, skip: Channels | None = None, torn: bool = False,
    ) -> None:
        """torn: `skip` is a map that the narrower network had not widened yet; its part is learnt anew, but for the
        linear path.
        """
        g, given = self.growth, now if skip is None else now.then(skip)
        linear, old_given = f"{name}.skip_connection", g.old[f"{name}.in_layers.0.weight"].shape[0]
        if given.old != old_given and not torn:
            return  # the branch that first widens: the fresh one adds nothing until it learns
        if torn:
            self._torn(name, now, out)
        else:
            g.norm(f"{name}.in_layers.0", given)
            g.layer(f"{name}.in_layers.2", out, given)
            if f"{linear}.weight" in g.old:
                g.layer(linear, out, given)
            elif f"{linear}.weight" in g.new:
                equal = torch.eye(out.old)[out.of].reshape(len(out.of), -1, 1, 1)
                g.new[f"{linear}.weight"], g.new[f"{linear}.bias"] = g.divided(equal, given), torch.zeros(len(out.of))
        g.layer(f"{name}.emb_layers.1", out, self.time)
        g.norm(f"{name}.out_layers.0", out)
        g.layer(f"{name}.out_layers.3", out, out)

    def _torn(self, name: str, now: Channels, out: Channels) -> None:
        """A residual block that reads the map of `_halving`: what it read of it nonlinearly is gone."""
        g = self.growth
        assert self.widening is not None
        first = f"{name}.in_layers.2"
        weight = g.old[f"{first}.weight"].float()[out.of]
        g.new[f"{first}.weight"].zero_()[:, :len(now.of)] = g.divided(weight[:, :now.old], now)
        g.vector(f"{first}.bias", out)
        for key in (f"{name}.in_layers.0.weight", f"{name}.in_layers.0.bias"):
            g.new[key][:len(now.of)] = g.old[key].float()[:now.old][now.of]
        linear, halving = f"{name}.skip_connection", f"input_blocks.{self.widened}.0.op.bias"
        weight = g.old[f"{linear}.weight"].float()[out.of]
        back = weight[:, now.old:].flatten(1) @ torch.linalg.pinv(self.widening)
        g.new[f"{linear}.weight"] = torch.cat([g.divided(weight[:, :now.old], now), back[..., None, None]], 1)
        lift = g.new[halving] - self.widening @ g.old[halving].float()  # what the widening itself added
        g.new[f"{linear}.bias"] = g.old[f"{linear}.bias"].float()[out.of] - back @ lift

    def _transformer(self, name: str, now: Channels) -> None:
        g, heads = self.growth, now.tiled()
        g.norm(f"{name}.norm", now)
        g.layer(f"{name}.proj_in", now, now)
        g.layer(f"{name}.proj_out", now, now)
        wide = Channels.repeated(4 * now.old, 4 * len(now.of))
        for depth in range(self.large.transformer_depth):
            block = f"{name}.transformer_blocks.{depth}"
            for number, keys in ((1, now), (2, self.context)):
                g.layer(f"{block}.attn{number}.to_q", heads, now)
                g.layer(f"{block}.attn{number}.to_k", heads, keys)
                g.layer(f"{block}.attn{number}.to_v", heads, keys)
                g.layer(f"{block}.attn{number}.to_out.0", now, heads)
            g.layer(f"{block}.ff.net.0.proj", wide.then(wide), now)
            g.layer(f"{block}.ff.net.2", now, wide)
            for norm in ("norm1", "norm2", "norm3"):
                g.norm(f"{block}.{norm}", now)


def _grow_sketch(g: Growth, walk: _Walk) -> None:
    """Its stages have the widths of the levels; hints come out as the maps that they are added to."""
    for key in g.new:
        if key.startswith(("model.", "zero_layer.")):
            g.new[key] = g.old[key].float()
    now = walk.first
    for level, out in enumerate(walk.levels):
        g.layer(f"output_blocks.{level}.1", out, now)
        g.layer(f"output_blocks.{level}.3", out, out)
        name, hinted, now = f"zero_blocks.{level}.0", walk.hinted[level + 1], out
        if walk.widening is not None and hinted.old != len(g.old[f"{name}.bias"]):
            whole = torch.einsum("no,oihw->nihw", walk.widening, g.old[f"{name}.weight"].float())
            g.new[f"{name}.weight"] = g.divided(whole, out)
            g.new[f"{name}.bias"] = walk.widening @ g.old[f"{name}.bias"].float()
        else:
            g.layer(name, hinted, out)

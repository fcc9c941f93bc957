"""Networks of the golden set, built once per test run from its recipe; every size comes from its index."""

from __future__ import annotations

import contextlib
import functools
import io
from typing import Any

import torch
from torch import Tensor, nn

from lib_colorize.method.network_config import UNetConfig, VisionConfig
from lib_colorize.method.reference_encoder import ReferenceEncoder
from lib_colorize.method.sketch_encoder import SketchEncoder
from lib_colorize.method.text.tower import TextConfig, TextTower
from lib_colorize.method.unet import UNet
from tests.golden.reader import Golden


def tensor(golden: Golden, case: dict[str, Any], name: str, kind: str = "inputs") -> Tensor:
    """One recorded tensor of a case."""
    return torch.from_numpy(golden.get(case, kind, name).copy())


@functools.cache
def weights(golden: Golden) -> dict[str, Tensor]:
    """The v1 state dict of the set, reference encoder inside."""
    return {key: torch.from_numpy(value) for key, value in golden.state_dict("v1").items()}


def _load(golden: Golden, module: nn.Module, prefix: str) -> nn.Module:
    part = {key[len(prefix):]: value for key, value in weights(golden).items() if key.startswith(prefix)}
    module.load_state_dict(part, strict=True)
    return module.eval().requires_grad_(False)


@functools.cache
def sketch_encoder(golden: Golden) -> SketchEncoder:
    config = golden.index["model_config"]["control_encoder"]
    encoder = SketchEncoder(config["model_channels"], config["ch_mults"], config["in_ch"])
    return _load(golden, encoder, "control_encoder.")  # type: ignore[return-value]


def vision_config(golden: Golden) -> VisionConfig:
    config, clip = golden.index["config"]["clip"], golden.index["config"]["clip"]["vision"]
    hidden = weights(golden)["cond_stage_model.visual.model.transformer.resblocks.0.mlp.c_fc.weight"].shape[0]
    return VisionConfig(
        image_size=clip["image_size"], patch_size=clip["patch_size"], width=clip["width"], layers=clip["layers"],
        head_width=clip["head_width"], mlp_ratio=hidden / clip["width"], output_dim=config["embed_dim"])


@functools.cache
def reference_encoder(golden: Golden) -> ReferenceEncoder:
    encoder = ReferenceEncoder(vision_config(golden))
    _load(golden, encoder.visual, "cond_stage_model.visual.model.")
    return encoder.eval()


def unet_config(golden: Golden) -> UNetConfig:
    config = golden.index["model_config"]["unet"]
    return UNetConfig(
        config["in_channels"], config["out_channels"], config["model_channels"], tuple(config["channel_mult"]),
        config["num_res_blocks"], tuple(config["attention_resolutions"]), config["num_head_channels"],
        config["context_dim"], 1, False)


@functools.cache
def unet(golden: Golden) -> nn.Module:
    """Our U-Net with the set's weights."""
    return _load(golden, UNet(unet_config(golden)), "model.diffusion_model.")


def ldm_unet(config: UNetConfig) -> nn.Module:
    """`ldm`'s class of that size, as AUTOMATIC1111 has it; first weights."""
    from ldm.modules.diffusionmodules.openaimodel import UNetModel

    depth, width = config.transformer_depth, config.context_dim
    with contextlib.redirect_stdout(io.StringIO()):  # it prints while it is built
        return UNetModel(
            image_size=32, in_channels=config.in_channels, out_channels=config.out_channels,
            model_channels=config.model_channels, channel_mult=config.channel_mult,
            num_res_blocks=config.num_res_blocks, attention_resolutions=config.attention_resolutions,
            num_head_channels=config.num_head_channels,
            context_dim=width if depth == 1 else [width] * depth, transformer_depth=depth,
            use_linear_in_transformer=config.linear_projections,
            use_spatial_transformer=True, use_checkpoint=False, legacy=False)


@functools.cache
def text_tower(golden: Golden) -> TextTower:
    """Without the last of its blocks."""
    config, clip = golden.index["config"]["clip"]["text"], golden.index["config"]["clip"]
    prefix, last = "cond_stage_model.transformer.model.", f"transformer.resblocks.{config['layers'] - 1}."
    part = {key[len(prefix):]: value for key, value in weights(golden).items() if key.startswith(prefix)}
    hidden = part["transformer.resblocks.0.mlp.c_fc.weight"].shape[0]
    tower = TextTower(TextConfig(
        config["context_length"], config["vocab_size"], config["width"], config["layers"] - 1, config["heads"],
        hidden / config["width"], clip["embed_dim"]))
    tower.load_state_dict({key: value for key, value in part.items()
                           if key != "logit_scale" and not key.startswith(last)}, strict=True)
    return tower.eval().requires_grad_(False)

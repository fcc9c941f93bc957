"""Networks of the golden set, built once per test run from its recipe; every size comes from its index."""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor, nn

from lib_colorize.method.network_config import VisionConfig
from lib_colorize.method.reference_encoder import ReferenceEncoder
from lib_colorize.method.sketch_encoder import SketchEncoder
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


@functools.cache
def unet(golden: Golden) -> nn.Module:
    """ldm's own U-Net with the set's weights."""
    from ldm.modules.diffusionmodules.openaimodel import UNetModel

    config = golden.index["model_config"]["unet"]
    model = UNetModel(
        image_size=32, in_channels=config["in_channels"], out_channels=config["out_channels"],
        model_channels=config["model_channels"], attention_resolutions=config["attention_resolutions"],
        num_res_blocks=config["num_res_blocks"], channel_mult=config["channel_mult"],
        num_head_channels=config["num_head_channels"], use_spatial_transformer=True,
        use_linear_in_transformer=False, transformer_depth=1, context_dim=config["context_dim"],
        use_checkpoint=False, legacy=False)
    return _load(golden, model, "model.diffusion_model.")

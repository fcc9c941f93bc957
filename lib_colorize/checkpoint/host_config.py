"""The .yaml beside a checkpoint, by which A1111 and its descendants know what they load."""

from __future__ import annotations

import json
from typing import Any

from .metadata import ModelCard

HEADER = "# The networks in the .safetensors file of this name, for hosts that read LDM configurations (JSON is YAML)\n"


def host_config(card: ModelCard, text_encoder: str | None = None) -> str:
    """The text of the .yaml; card.prediction must be known, since a host that guesses it guesses wrongly.

    A text encoder is named because hosts insist on one. text_encoder: the dotted name of a class that stands in for it,
    made with the width of the context; None = OpenCLIP's. The file has no such weights, so its `version` is null:
    without that a host would download 3.9 GB that are never used.
    """
    assert card.prediction is not None
    schedule = card.schedule
    params: dict[str, Any] = {
        "linear_start": schedule.linear_start, "linear_end": schedule.linear_end, "timesteps": schedule.timesteps,
        "parameterization": card.prediction.value, "scale_factor": card.scale_factor,
        "num_timesteps_cond": 1, "log_every_t": 200, "first_stage_key": "jpg", "cond_stage_key": "txt",
        "image_size": card.resolution // 8, "channels": card.config.unet.in_channels, "cond_stage_trainable": False,
        "conditioning_key": "crossattn", "use_ema": False,
        "unet_config": _unet(card), "first_stage_config": _vae(card),
        "cond_stage_config": _text(card, text_encoder),
    }
    model = {"target": "ldm.models.diffusion.ddpm.LatentDiffusion", "params": params}
    return HEADER + json.dumps({"model": model}, indent=2) + "\n"


def _text(card: ModelCard, target: str | None) -> dict[str, Any]:
    if target is not None:
        return {"target": target, "params": {"width": card.config.unet.context_dim}}
    return {"target": "ldm.modules.encoders.modules.FrozenOpenCLIPEmbedder",
            "params": {"freeze": True, "layer": "penultimate", "version": None}}


def _unet(card: ModelCard) -> dict[str, Any]:
    c = card.config.unet
    return {"target": "ldm.modules.diffusionmodules.openaimodel.UNetModel", "params": {
        "image_size": 32, "in_channels": c.in_channels, "out_channels": c.out_channels,
        "model_channels": c.model_channels, "attention_resolutions": list(c.attention_resolutions),
        "num_res_blocks": c.num_res_blocks, "channel_mult": list(c.channel_mult),
        "num_head_channels": c.num_head_channels, "use_spatial_transformer": True,
        "use_linear_in_transformer": c.linear_projections, "transformer_depth": c.transformer_depth,
        "context_dim": c.context_dim, "legacy": False, "use_checkpoint": False}}


def _vae(card: ModelCard) -> dict[str, Any] | None:
    c = card.config.vae
    if c is None:
        return None
    return {"target": "ldm.models.autoencoder.AutoencoderKL", "params": {
        "embed_dim": c.embed_dim, "lossconfig": {"target": "torch.nn.Identity"}, "ddconfig": {
            "double_z": True, "z_channels": c.z_channels, "resolution": 256, "in_channels": c.in_channels,
            "out_ch": c.out_ch, "ch": c.ch, "ch_mult": list(c.ch_mult), "num_res_blocks": c.num_res_blocks,
            "attn_resolutions": list(c.attn_resolutions), "dropout": 0.0}}}

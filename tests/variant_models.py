"""v1.5's and v2's networks of the golden set, built from its recipe; every size comes from its shapes."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from lib_colorize.engine import networks
from lib_colorize.method.network_config import UNetConfig, VAEConfig
from lib_colorize.method.reference_encoder import ReferenceEncoder
from lib_colorize.method.sketch_encoder import SketchEncoder
from lib_colorize.method.unet import UNet
from lib_colorize.method.variants.lora import AttentionLoras
from lib_colorize.method.variants.parts import BUILDERS, OF_VARIANT
from lib_colorize.method.variants.variant import Variant
from tests.core_models import unet_config, vision_config
from tests.golden.reader import Golden

MODELS = {"v1": "v1", "v1.5": "switch", "v2": "v2"}
PREFIXES = {
    "threshold_embedder": "thresh_embedder.", "token_transformer": "transformer.", "background_encoder": "bg_encoder.",
    "style_encoder": "style_encoder.", "warps": "model.diffusion_model.warp_modules.",
    "styles": "model.diffusion_model.style_modules."}
OWN = ("lora_", "warp_modules.", "style_modules.")  # keys of the U-Net that are not v1's


@functools.cache
def state_dict(golden: Golden, name: str) -> dict[str, Tensor]:
    return {key: torch.from_numpy(value) for key, value in golden.state_dict(MODELS[name]).items()}


def state_of(golden: Golden, name: str, prefix: str) -> dict[str, Tensor]:
    return {key[len(prefix):]: value for key, value in state_dict(golden, name).items() if key.startswith(prefix)}


def config_of(golden: Golden, name: str) -> UNetConfig:
    config = unet_config(golden)
    width = golden.index["model_config"]["unet"]["model_channels_v2"] if name == "v2" else config.model_channels
    return replace(config, model_channels=width)


def loaded(make: Any, state: dict[str, Tensor]) -> Any:
    return networks.load_network(make, state, "a network of the golden set")


@functools.cache
def unet_of(golden: Golden, name: str) -> UNet:
    state = {key: value for key, value in state_of(golden, name, "model.diffusion_model.").items()
             if not any(word in key for word in OWN)}
    return loaded(lambda: UNet(config_of(golden, name)), state)  # type: ignore[no-any-return]


def load_part(golden: Golden, name: str, part: str) -> nn.Module:
    state = state_of(golden, name, PREFIXES[part])
    shapes = {key: tuple(value.shape) for key, value in state.items()}
    return loaded(lambda: BUILDERS[part](shapes, config_of(golden, name)), state)  # type: ignore[no-any-return]


@functools.cache
def variant_of(golden: Golden, name: str) -> Variant:
    state = state_of(golden, name, "model.diffusion_model.")
    figure, background = (AttentionLoras.of_state(state, role) for role in ("figure", "background"))
    own: dict[str, Any] = {part: load_part(golden, name, part)
                           for part in ("warps", "styles") if part in OF_VARIANT[name]}
    return Variant(name, figure, background, load=lambda part: load_part(golden, name, part), **own)


@functools.cache
def sketch_encoder_of(golden: Golden, name: str) -> SketchEncoder:
    config = golden.index["model_config"]["control_encoder"]
    width = config_of(golden, name).model_channels
    return loaded(lambda: SketchEncoder(width, config["ch_mults"], config["in_ch"]),  # type: ignore[no-any-return]
                  state_of(golden, name, "control_encoder."))


@functools.cache
def reference_encoder_of(golden: Golden, name: str) -> ReferenceEncoder:
    state = state_of(golden, name, "cond_stage_model.visual.model.")
    return loaded(lambda: ReferenceEncoder(vision_config(golden)),  # type: ignore[no-any-return]
                  {f"visual.{key}": value for key, value in state.items()})


@functools.cache
def vae_of(golden: Golden, name: str) -> networks.AutoencoderKL:
    c = golden.index["model_config"]["vae"]
    config = VAEConfig(c["ch"], tuple(c["ch_mult"]), c["num_res_blocks"], c["z_channels"], c["embed_dim"],
                       tuple(c["attn_resolutions"]))
    return loaded(  # type: ignore[no-any-return]
        lambda: networks.AutoencoderKL(config, golden.index["model_config"]["scale_factor"]),
        state_of(golden, name, "first_stage_model."))

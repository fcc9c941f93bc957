"""A tiny random checkpoint in our own layout, and pictures, for the engine's and the command line's tests."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from PIL import Image, ImageDraw
from torch import Tensor

from lib_colorize.checkpoint.config import PARTS
from lib_colorize.checkpoint.metadata import ModelCard
from lib_colorize.checkpoint.write import save_tensors, write
from lib_colorize.cli import random_networks, random_variants
from lib_colorize.method.network_config import NetworkConfig, SketchConfig
from lib_colorize.method.schedule import Prediction

CONFIG, VISION = random_networks.sizes("tiny")
RESOLUTION = 64  # pixels


def write_checkpoint(
    path: Path, with_reference_encoder: bool = True, prediction: Prediction | None = Prediction.V,
    training: Mapping[str, Any] = MappingProxyType({}),
) -> Path:
    """A whole small model; prediction: None = the metadata do not say; training: what they say of that."""
    parts = {name: random_networks.random_state(name, CONFIG) for name in ("unet", "vae", "sketch_encoder")}
    config = CONFIG
    if with_reference_encoder:
        parts["reference_encoder"] = random_networks.vision_state(VISION)
        config = replace(CONFIG, reference=VISION)
    write(path, parts, ModelCard(config, prediction, resolution=RESOLUTION, training=training))
    return path


def variant_config(variant: str) -> NetworkConfig:
    """Sizes that v1.5 and v2 can have: their heads are 64 wide whatever the width."""
    return replace(CONFIG, unet=replace(CONFIG.unet, model_channels=64, context_dim=64),
                   sketch=SketchConfig(64, CONFIG.unet.channel_mult), reference=replace(VISION, output_dim=64))


@functools.cache
def _variant_tensors(variant: str) -> dict[str, Tensor]:
    config = variant_config(variant)
    assert config.reference is not None
    vision = random_networks.vision_state(config.reference)
    return {**random_variants.variant_tensors(variant, config),
            **{PARTS["reference_encoder"] + key: value for key, value in vision.items()}}


def write_variant(path: Path, variant: str, without: str = "", prediction: Prediction | None = Prediction.V) -> Path:
    """A whole small checkpoint of "v1", "v1.5" or "v2", reference encoder inside; without: keys that begin so."""
    card = ModelCard(variant_config(variant), prediction, variant, resolution=RESOLUTION)
    tensors = {key: value for key, value in _variant_tensors(variant).items()
               if not (without and key.startswith(without))}
    save_tensors(path, tensors, card.to_metadata())
    return path


def draw_sketch(path: Path, size: tuple[int, int] = (80, 60), shift: int = 0) -> Path:
    """Dark lines on white."""
    image = Image.new("RGB", size, "white")
    ImageDraw.Draw(image).ellipse((10 + shift, 8, size[0] - 12, size[1] - 10), outline="black", width=3)
    image.save(path)
    return path


def draw_reference(path: Path, colour: str = "orange") -> Path:
    """One colour with a bar of another."""
    image = Image.new("RGB", (50, 70), colour)
    ImageDraw.Draw(image).rectangle((5, 10, 45, 30), fill="navy")
    image.save(path)
    return path

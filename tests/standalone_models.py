"""A tiny random checkpoint in our own layout, and pictures, for the engine's and the command line's tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PIL import Image, ImageDraw

from lib_colorize.checkpoint.metadata import ModelCard
from lib_colorize.checkpoint.write import write
from lib_colorize.cli import random_networks
from lib_colorize.method.schedule import Prediction

CONFIG, VISION = random_networks.sizes("tiny")
RESOLUTION = 64  # pixels


def write_checkpoint(
    path: Path, with_reference_encoder: bool = True, prediction: Prediction | None = Prediction.V,
) -> Path:
    """A whole small model; prediction: None = the metadata do not say."""
    parts = {name: random_networks.random_state(name, CONFIG) for name in ("unet", "vae", "sketch_encoder")}
    config = CONFIG
    if with_reference_encoder:
        parts["reference_encoder"] = random_networks.vision_state(VISION)
        config = replace(CONFIG, reference=VISION)
    write(path, parts, ModelCard(config, prediction, resolution=RESOLUTION))
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

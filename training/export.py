"""A finished run -> one checkpoint file: released key names, our metadata, half precision."""

from __future__ import annotations

import dataclasses
import datetime
import json
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from lib_colorize.checkpoint.metadata import ModelCard
from lib_colorize.checkpoint.write import write

if TYPE_CHECKING:
    from lib_colorize.standalone.networks import AutoencoderKL
    from training.recipes import Recipe
    from training.train import Model


def export(path: Path, model: Model, vae: AutoencoderKL, recipe: Recipe, dtype: torch.dtype = torch.float16) -> None:
    """Write U-Net, sketch encoder, VAE and, where it was trained, the reference encoder, with the recipe."""
    parts = {"unet": model.unet, "vae": vae, "sketch_encoder": model.sketch_encoder}
    if recipe.train_reference_encoder:
        parts["reference_encoder"] = model.reference_encoder.visual
    states = {name: {k: v.to(dtype) for k, v in part.state_dict().items()} for name, part in parts.items()}
    plain = json.loads(json.dumps(dataclasses.asdict(recipe), default=lambda e: e.value))
    card = ModelCard(
        config=recipe.networks, prediction=recipe.prediction, resolution=recipe.resolution,
        training={key: plain[key] for key in plain if key != "networks"}, title=recipe.title, license=recipe.license,
        author="ColorizeDiffusion for the WebUI", description=recipe.description,
        date=datetime.date.today().isoformat())
    write(path, states, card)

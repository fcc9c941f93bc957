"""A run -> one checkpoint file: released key names, our metadata, half precision.

    python -m training.export --preset pocket --run runs/pocket --vae runs/vae/vae.pt OUT.safetensors

exports an unfinished run too, from its last state. The VAE's decoder may be a better one than the run began with, as
long as its encoder, and so the latents, are the same.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from lib_colorize.checkpoint.config import PARTS
from lib_colorize.checkpoint.metadata import ModelCard
from lib_colorize.checkpoint.read import read
from lib_colorize.checkpoint.write import write
from lib_colorize.standalone.networks import AutoencoderKL
from training.recipes import RECIPES, Recipe

if TYPE_CHECKING:
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


def with_decoder(checkpoint: Path, vae_file: Path, target: Path) -> None:
    """A finished checkpoint with the decoder of another auto-encoder; ValueError unless the encoders are equal."""
    file = read(checkpoint)
    assert file.vae is not None, "exported checkpoints carry their VAE"
    vae = {key: value.to(file.vae[key].dtype) for key, value in torch.load(vae_file, weights_only=True).items()}
    encoder = [key for key in vae if key.startswith(("encoder.", "quant_conv."))]
    if not all(torch.equal(vae[key], file.vae[key]) for key in encoder):
        raise ValueError(f"{vae_file}: its encoder is not the one that {checkpoint} was trained on")
    parts = {name: state for name in PARTS if (state := getattr(file, name)) is not None}
    write(target, {**parts, "vae": vae}, file.card)


def main() -> None:
    from training.state import load_part
    from training.train import Model

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("target", type=Path)
    parser.add_argument("--preset", choices=sorted(RECIPES), default="pocket")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--run", type=Path)
    source.add_argument("--checkpoint", type=Path)
    parser.add_argument("--vae", type=Path, required=True)
    args = parser.parse_args()
    if args.checkpoint:
        with_decoder(args.checkpoint, args.vae, args.target)
        return
    recipe = RECIPES[args.preset]
    model, vae = Model(recipe), AutoencoderKL(recipe.networks.vae)
    steps = load_part(args.run / "state.pt", "ema", model)
    vae.load_state_dict(torch.load(args.vae, weights_only=True))
    export(args.target, model, vae, recipe)
    print(f"{args.target}: {args.target.stat().st_size / 1e6:.1f} MB, after {steps} steps")


if __name__ == "__main__":
    main()

"""A run -> one checkpoint file: released key names, our metadata, any number format.

    python -m training.export --run runs/pocket OUT.safetensors [--dtype fp16] [--no-ema]
    python -m training.export --checkpoint runs/pocket/final.safetensors --vae runs/decoder/vae.pt OUT.safetensors

The first exports an unfinished run too, from its last checkpoint, sharded or not. The second puts in the decoder of
another auto-encoder, as long as its encoder, and so the latents, are the same. OUT.yaml goes with it for A1111.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from lib_colorize.checkpoint.config import PARTS
from lib_colorize.checkpoint.convert import DTYPES
from lib_colorize.checkpoint.host_config import host_config
from lib_colorize.checkpoint.metadata import ModelCard, Schedule
from lib_colorize.checkpoint.read import read
from lib_colorize.checkpoint.write import save_tensors, write
from lib_colorize.engine.networks import AutoencoderKL, without_weights
from lib_colorize.errors import ColorizeError
from lib_colorize.whole_file import replacing
from training.trainer import run_folder as stored
from training.trainer.dataclass_json import from_plain
from training.trainer.initial_weights import PROJECTION
from training.trainer.networks import Model, unet_state
from training.trainer.recipe import Recipe
from training.trainer.run_description import read_description

VAE_FILE = "vae.safetensors"  # in RUN: what the run began with, so that its export needs no other file
UNKNOWN_LICENCE = "unknown: that of the pictures it was trained on"
Parts = dict[str, dict[str, Tensor]]


def export_run(run: Path, target: Path, dtype: str = "fp16", ema: bool = True) -> int:
    """Write the last checkpoint of a run as one file; returns the images that it has seen."""
    description = read_description(run)
    recipe = from_plain(Recipe, description["recipe"])
    found = stored.checkpoints(run)
    if not found:
        raise ColorizeError(f"{run}: no checkpoint yet; wait for the first, or lower run.save_every")
    model = without_weights(lambda: Model(recipe))
    state = stored.weights(found[-1])
    if ema and recipe.optimizer.ema_decay:
        trained = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
        shapes = [tuple(state[name].shape) for name in trained]
        state |= dict(zip(trained, stored.averages(found[-1], shapes), strict=True))
    vae = load_file(run / VAE_FILE) if (run / VAE_FILE).exists() else None
    position = json.loads((found[-1] / stored.POSITION).read_text(encoding="utf-8"))
    images, date = int(position["images"]), str(position.get("date") or datetime.date.today().isoformat())
    card = replace(model_card(recipe, {**description, "images": images, "ema": ema}), date=date)
    parts, extra = split(model, state, vae)
    as_dtype = {name: {k: v.to(DTYPES[dtype]) for k, v in part.items()} for name, part in parts.items()}
    write_all(target, as_dtype, {k: v.to(DTYPES[dtype]) for k, v in extra.items()}, card)
    return images


def split(model: Model, state: Mapping[str, Tensor], vae: dict[str, Tensor] | None) -> tuple[Parts, dict[str, Tensor]]:
    """Parts of a checkpoint file, and what is beside them (the projection of Proj-0.1), from Model's state dict."""

    def below(prefix: str) -> dict[str, Tensor]:
        return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}

    parts = {"unet": unet_state(model, below("unet.")), "sketch_encoder": below("sketch_encoder.")}
    if vae is not None:
        parts["vae"] = vae
    if model.reference_encoder is not None:
        parts["reference_encoder"] = below("reference_encoder.visual.")
    return parts, {PROJECTION + key: value for key, value in below(PROJECTION).items()}


def write_all(target: Path, parts: Parts, extra: Mapping[str, Tensor], card: ModelCard) -> None:
    """The file and its .yaml; `extra` under its own names. Without a VAE among the parts the card names none."""
    if "vae" not in parts:
        card = replace(card, config=replace(card.config, vae=None))
    target.parent.mkdir(parents=True, exist_ok=True)
    write(target, parts, card)
    if extra:
        whole = {f"{PARTS[name]}{key}": value for name, part in parts.items() for key, value in part.items()}
        with replacing(target) as unfinished:
            save_tensors(unfinished, {**whole, **extra}, card.to_metadata())
    with replacing(target.with_suffix(".yaml")) as unfinished:
        unfinished.write_text(host_config(card), encoding="utf-8")


def model_card(recipe: Recipe, description: Mapping[str, object]) -> ModelCard:
    """What the file says; description: of the run, as in run.json."""
    networks = recipe.networks if recipe.reference_encoder.inside else replace(recipe.networks, reference=None)
    training = {key: value for key, value in description.items() if key != "recipe"}
    plain = description["recipe"]
    assert isinstance(plain, dict)
    training |= {key: value for key, value in plain.items() if key not in ("networks", "card", "run")}
    training["start"] = {key: Path(value).name for key, value in plain["start"].items()}  # folders are the user's own
    pictures = description.get("pictures") or {}
    assert isinstance(pictures, dict)
    trained_on = pictures.get("trained_on")
    words = [recipe.card.description, f"trained on {trained_on}" if trained_on else ""]
    return ModelCard(
        config=networks, prediction=recipe.prediction, tokens=recipe.tokens.value, resolution=recipe.data.resolution,
        schedule=Schedule(zero_snr=recipe.loss.zero_snr), training=training, title=recipe.card.title,
        license=recipe.card.license or pictures.get("licence") or UNKNOWN_LICENCE,
        description=", ".join(word for word in words if word), author="ColorizeDiffusion for the WebUI",
        date=datetime.date.today().isoformat())


def keep_vae(run: Path, vae: AutoencoderKL) -> None:
    """Write RUN/vae.safetensors; from the first checkpoint on it is what the run was begun with."""
    if not (run / VAE_FILE).exists() or not stored.checkpoints(run):
        with replacing(run / VAE_FILE) as unfinished:
            save_tensors(unfinished, vae.state_dict(), {})


def with_decoder(checkpoint: Path, vae_file: Path, target: Path) -> None:
    """A finished checkpoint with the decoder of another auto-encoder; ColorizeError unless the encoders are equal."""
    file = read(checkpoint)
    if file.vae is None:
        raise ColorizeError(f"{checkpoint}: has no VAE whose decoder could be replaced")
    vae = {key: value.to(file.vae[key].dtype) for key, value in torch.load(vae_file, weights_only=True).items()}
    encoder = [key for key in vae if key.startswith(("encoder.", "quant_conv."))]
    if not all(torch.equal(vae[key], file.vae[key]) for key in encoder):
        raise ColorizeError(f"{vae_file}: its encoder is not the one that {checkpoint} was trained on; use a decoder "
                            "that was trained with --decoder-of")
    parts = {name: state for name in PARTS if (state := getattr(file, name)) is not None}
    write(target, {**parts, "vae": vae}, file.card)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", type=Path)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--run", type=Path, help="folder of a run")
    source.add_argument("--checkpoint", type=Path, help="a finished checkpoint, whose decoder is replaced by --vae")
    parser.add_argument("--vae", type=Path)
    parser.add_argument("--dtype", choices=sorted(DTYPES), default="fp16")
    parser.add_argument("--no-ema", action="store_true", help="the weights themselves, not their moving average")
    args = parser.parse_args()
    if bool(args.checkpoint) != bool(args.vae):
        parser.error("--checkpoint and --vae go together")
    try:
        if args.checkpoint:
            with_decoder(args.checkpoint, args.vae, args.target)
            return
        images = export_run(args.run, args.target, args.dtype, not args.no_ema)
    except (ColorizeError, FileNotFoundError) as error:
        sys.exit(f"error: {error}")
    print(f"{args.target}: {args.target.stat().st_size / 1e6:.1f} MB, after {images} images")

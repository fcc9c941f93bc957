"""First weights of the small model's two encoders: they learn to tell hair, skin, clothes and background apart.

    python -m training.warm_up runs/warm.safetensors [--checkpoint FILE]

The paper's model begins with CLIP, which knows what things are; a small model has no such start, and the diffusion loss
hardly teaches it: after 44,800 pairs the tokens told 4 % of the hair. Training drawings with known parts stand in for
that. Small heads tell what every 4 x 4 px are: of the reference from its local tokens, with their colour; of the sketch
from the sketch encoder's features; CLS tells which parts there are, and their mean colours. The heads are thrown away.
The result is a checkpoint whose U-Net is FILE's, or untrained: start.checkpoint of presets with a frozen encoder.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lib_colorize.errors import ColorizeError
from lib_colorize.method.reference_encoder import ReferenceEncoder
from lib_colorize.method.sketch_encoder import SketchEncoder
from training.small.build_data import ABOUT
from training.small.fitting import Effort, fit, mirror
from training.small.labelled_drawings import CELL, Labelled, build_labelled
from training.small.svg_sources import PACKAGES
from training.small.warm_up_heads import ReferenceHead, SketchHead, cell_loss, reference_loss, sketch_features
from training.trainer.dataclass_json import to_plain
from training.trainer.export import model_card, split, write_all
from training.trainer.initial_weights import NONE, load_start, load_vae
from training.trainer.networks import Model
from training.trainer.recipe_parts import Encoder
from training.trainer.recipes import RECIPES, recipe_of

PRESET = "pocket-pairs"


def warm_reference(
    encoder: ReferenceEncoder, data: Labelled, plan: Effort, say: Callable[[str], None],
) -> ReferenceHead:
    """Train it in place; the scale of its tokens (`fix_token_scale`) stays. Returns the head."""
    visual = encoder.visual
    patch = visual.conv1.stride[0] * data.color.shape[1] // encoder.image_size  # px of the drawings
    head = ReferenceHead(visual.proj.shape[1], patch // CELL)

    def loss(chosen: np.ndarray, mirrored: bool) -> Tensor:
        pictures = mirror(data.pictures(chosen), mirrored)
        return reference_loss(head, encoder(pictures), pictures, mirror(data.classes(chosen), mirrored))

    learning = [p for p in encoder.parameters() if p.requires_grad]
    for images, value in fit([*learning, *head.parameters()], loss, plan.reference_images, len(data), plan):
        say(f"reference encoder: {images:,} images, loss {value:.3f}")
    return head


def warm_sketch(encoder: SketchEncoder, data: Labelled, plan: Effort, say: Callable[[str], None]) -> SketchHead:
    """Train its features in place; the 1x1 convolutions that make hints of them stay. Returns the head."""
    with torch.no_grad():
        features = sketch_features(encoder, data.sketches(np.arange(1)))
    head = SketchHead(features.shape[1], data.labels.shape[1] // features.shape[2])

    def loss(chosen: np.ndarray, mirrored: bool) -> Tensor:
        sketches = mirror(data.sketches(chosen), mirrored)
        return cell_loss(head(sketch_features(encoder, sketches)), mirror(data.classes(chosen), mirrored))

    learning = [*encoder.model.parameters(), *encoder.output_blocks.parameters()]
    for images, value in fit([*learning, *head.parameters()], loss, plan.sketch_images, len(data), plan):
        say(f"sketch encoder: {images:,} images, loss {value:.3f}")
    return head


def warm_up(
    target: Path, plan: Effort, packages: Path = PACKAGES, preset: str = PRESET, settings: Sequence[str] = (),
    say: Callable[[str], None] = print,
) -> None:
    """Draw, train both encoders, write the checkpoint."""
    if min(plan.drawings, plan.reference_images, plan.sketch_images, plan.batch_size) < 1:
        raise ColorizeError(f"warm-up: found {plan}, expected 1 or more of everything")
    recipe = recipe_of(preset, settings)
    if not recipe.reference_encoder.inside:
        raise ColorizeError(f"--preset {preset}: its reference encoder is CLIP, which needs no warm-up; expected one "
                            f"of {', '.join(name for name, r in RECIPES.items() if r.reference_encoder.inside)}")
    recipe = replace(recipe, reference_encoder=Encoder.TRAINED)  # all but the scale of the tokens
    torch.manual_seed(plan.seed)
    model, vae = Model(recipe), load_vae(recipe)
    say(str(load_start(model, recipe)))
    assert model.reference_encoder is not None
    began = time.monotonic()
    data = build_labelled(packages, plan.drawings, recipe.data.resolution, plan.seed)
    say(f"{len(data):,} labelled drawings in {time.monotonic() - began:.0f} s")
    warm_reference(model.reference_encoder, data, plan, say)
    warm_sketch(model.sketch_encoder, data, plan, say)
    parts, extra = split(model, model.state_dict(), None if vae is None else vae.state_dict())
    description = {"preset": preset, "warm_up": vars(plan), "pictures": vars(ABOUT), "recipe": to_plain(recipe)}
    card = replace(model_card(recipe, description), title="ColorizeDiffusion, warmed up and untrained")
    write_all(target, parts, extra, card)
    say(f"{target}: after {time.monotonic() - began:.0f} s")


def main(arguments: Sequence[str] | None = None) -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("target", type=Path)
    p.add_argument("--preset", default=PRESET, help="whose networks")
    p.add_argument("--checkpoint", type=Path, help="begin with these weights; without: with new ones")
    p.add_argument("--drawings", type=int, default=Effort.drawings, help="labelled drawings that are made")
    p.add_argument("--reference-images", type=int, default=Effort.reference_images,
                   help="seen by the reference encoder")
    p.add_argument("--sketch-images", type=int, default=Effort.sketch_images, help="seen by the sketch encoder")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--packages", type=Path, default=PACKAGES, help="folder of the npm packages")
    args = p.parse_args(arguments)
    plan = Effort(args.drawings, args.reference_images, args.sketch_images, seed=args.seed)
    try:
        warm_up(args.target, plan, args.packages, args.preset, [f"start.checkpoint={args.checkpoint or NONE}"])
    except (ColorizeError, OSError) as error:
        sys.exit(f"error: {error}")

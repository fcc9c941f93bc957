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
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lib_colorize.errors import ColorizeError
from lib_colorize.method.reference_encoder import ReferenceEncoder
from lib_colorize.method.shown_tokens import local_tokens
from lib_colorize.method.sketch_encoder import SketchEncoder
from training.small.build_data import PACKAGES
from training.small.labelled_drawings import CELL, CLASSES, NOBODY, Labelled, build
from training.trainer.dataclass_json import to_plain
from training.trainer.export import model_card, split, write_all
from training.trainer.initial_weights import NONE, load_start, load_vae
from training.trainer.networks import Model
from training.trainer.recipes import RECIPES, Encoder, recipe_of

WEIGHTS = (0.3, 1.0, 1.0, 1.0, 0.6)  # of CLASSES: backgrounds are large and easy
PRESET = "pocket-pairs"


@dataclass(frozen=True)
class Plan:
    """How much is drawn and seen; --help has the words."""

    drawings: int = 12_000
    reference_images: int = 96_000
    sketch_images: int = 24_000
    batch_size: int = 32
    lr: float = 6e-4  # cosine to a fiftieth
    seed: int = 0


class ReferenceHead(nn.Module):
    """Tokens -> what the cells of each patch are, and what is there at all."""

    def __init__(self, width: int, cells: int) -> None:
        """cells: of one patch, each way."""
        super().__init__()
        self.cells = cells
        self.local = nn.Linear(width, cells * cells * (len(CLASSES) + 3))
        self.cls = nn.Linear(width, len(CLASSES) * 4)

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """tokens: [B, 1 + N, D] -> logits [B, 5, n, n] and colours [B, 3, n, n] of cells, and [B, 5, 4] of CLS."""
        local = self.local(local_tokens(tokens)).transpose(1, 2)
        side = math.isqrt(local.shape[-1])
        cells = F.pixel_shuffle(local.unflatten(2, (side, side)), self.cells)
        return cells[:, :len(CLASSES)], cells[:, len(CLASSES):], self.cls(tokens[:, 0]).unflatten(1, (-1, 4))


class SketchHead(nn.Module):
    """Features of all levels -> what the cells are."""

    def __init__(self, channels: int, cells: int) -> None:
        """channels: of all levels together; cells: of one position of the finest, each way."""
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(channels, 192, 1), nn.GELU(),
                                    nn.Conv2d(192, cells * cells * len(CLASSES), 1))
        self.cells = cells

    def forward(self, features: Tensor) -> Tensor:
        """features: [B, C, h, w] -> logits [B, 5, n, n]."""
        return F.pixel_shuffle(self.layers(features), self.cells)


def sketch_features(encoder: SketchEncoder, sketch: Tensor) -> Tensor:
    """sketch: [B, 3, H, W] -> what the hints are made of, [B, C, H/8, W/8], coarser levels enlarged."""
    levels = [encoder.model(sketch)]
    for stage in encoder.output_blocks:
        levels.append(stage(levels[-1]))
    return torch.cat([F.interpolate(level, levels[0].shape[-2:], mode="bilinear") for level in levels], dim=1)


def cell_loss(logits: Tensor, classes: Tensor) -> Tensor:
    """logits: [B, 5, n, n]; classes: [B, n, n]."""
    return F.cross_entropy(logits, classes, weight=torch.tensor(WEIGHTS), ignore_index=NOBODY)


def reference_loss(head: ReferenceHead, tokens: Tensor, pictures: Tensor, classes: Tensor) -> Tensor:
    """tokens: [B, 1 + N, D] of pictures [B, 3, S, S], whose cells are classes [B, S/4, S/4]."""
    logits, colours, found = head(tokens)
    seen = F.avg_pool2d(pictures, CELL)
    member = F.one_hot(classes.where(classes != NOBODY, len(CLASSES)), len(CLASSES) + 1)[..., :-1].float()
    areas = member.sum((1, 2))  # [B, 5]
    means = torch.einsum("bcij,bijk->bkc", seen, member) / areas.clamp_min(1)[..., None]
    present = areas > 0
    return (cell_loss(logits, classes) + F.l1_loss(colours, seen)
            + 0.3 * F.binary_cross_entropy_with_logits(found[..., 0], present.float())
            + F.l1_loss(found[..., 1:][present], means[present]))


def fit(
    parameters: Sequence[nn.Parameter], loss: Callable[[np.ndarray, bool], Tensor], images: int, count: int, plan: Plan,
) -> Iterator[tuple[int, float]]:
    """Minimise loss(samples, mirrored) by AdamW; yields (images, mean loss) now and then. count: of samples."""
    optimizer = torch.optim.AdamW(parameters, lr=plan.lr, weight_decay=1e-2)
    rng, steps, since = np.random.default_rng(plan.seed), max(1, images // plan.batch_size), 0.0
    every = max(1, steps // 8)
    for step in range(steps):
        rate = min(1.0, (step + 1) / 50) * (0.5 * (1 + math.cos(math.pi * step / steps)) + 0.02)
        optimizer.param_groups[0]["lr"] = plan.lr * rate
        value = loss(rng.integers(0, count, plan.batch_size), bool(rng.random() < 0.5))
        optimizer.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        since += float(value.detach())
        if (step + 1) % every == 0:
            yield (step + 1) * plan.batch_size, since / every
            since = 0.0


def mirror(x: Tensor, mirrored: bool) -> Tensor:
    return x.flip(-1) if mirrored else x


def warm_reference(encoder: ReferenceEncoder, data: Labelled, plan: Plan, say: Callable[[str], None]) -> ReferenceHead:
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


def warm_sketch(encoder: SketchEncoder, data: Labelled, plan: Plan, say: Callable[[str], None]) -> SketchHead:
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
    target: Path, plan: Plan, packages: Path = PACKAGES, preset: str = PRESET, settings: Sequence[str] = (),
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
    data = build(packages, plan.drawings, recipe.data.resolution, plan.seed)
    say(f"{len(data):,} labelled drawings in {time.monotonic() - began:.0f} s")
    warm_reference(model.reference_encoder, data, plan, say)
    warm_sketch(model.sketch_encoder, data, plan, say)
    parts, extra = split(model, model.state_dict(), None if vae is None else vae.state_dict())
    description = {"preset": preset, "warm_up": vars(plan), "recipe": to_plain(recipe)}
    card = replace(model_card(recipe, description), title="ColorizeDiffusion, warmed up and untrained")
    write_all(target, parts, extra, card)
    say(f"{target}: after {time.monotonic() - began:.0f} s")


def main(arguments: Sequence[str] | None = None) -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("target", type=Path)
    p.add_argument("--preset", default=PRESET, help="whose networks")
    p.add_argument("--checkpoint", type=Path, help="begin with these weights; without: with new ones")
    p.add_argument("--drawings", type=int, default=Plan.drawings, help="labelled drawings that are made")
    p.add_argument("--reference-images", type=int, default=Plan.reference_images, help="seen by the reference encoder")
    p.add_argument("--sketch-images", type=int, default=Plan.sketch_images, help="seen by the sketch encoder")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--packages", type=Path, default=PACKAGES, help="folder of the npm packages")
    args = p.parse_args(arguments)
    plan = Plan(args.drawings, args.reference_images, args.sketch_images, seed=args.seed)
    try:
        warm_up(args.target, plan, args.packages, args.preset, [f"start.checkpoint={args.checkpoint or NONE}"])
    except (ColorizeError, OSError) as error:
        sys.exit(f"error: {error}")

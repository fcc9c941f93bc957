"""Read an exported checkpoint of any kind of tokens, those of Table 1 too, as the model that was trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lib_colorize.checkpoint.files import open_tensors
from lib_colorize.checkpoint.metadata import ModelCard
from lib_colorize.errors import ColorizeError
from training.trainer.initial_weights import load_start
from training.trainer.networks import Model
from training.trainer.recipe_parts import Encoder, Tokens
from training.trainer.recipes import RECIPES


def load_ablation(path: Path) -> tuple[Model, ModelCard]:
    """The model, frozen, in float32, and what its file says; ColorizeError when it is no file of ours.

    Ordinary checkpoints (local tokens) are read too; for those the standalone engine is the shorter way.
    """
    with open_tensors(path) as file:
        card = ModelCard.from_metadata(file.metadata)
    if card is None:
        raise ColorizeError(f"{path}: says nothing about its networks, expected a checkpoint that training/ exported")
    kinds = [kind for kind in Tokens if kind.value == card.tokens]
    if not kinds:
        raise ColorizeError(f"{path}: found tokens {card.tokens!r}, expected {', '.join(k.value for k in Tokens)}")
    base = RECIPES["v1-512"]
    vision = card.config.reference or base.networks.reference
    recipe = replace(base, networks=replace(card.config, reference=vision), tokens=kinds[0],
                     reference_encoder=Encoder.FROZEN if card.config.reference else Encoder.OUTSIDE,
                     start=replace(base.start, checkpoint=str(path)),
                     data=replace(base.data, buckets=False, resolution=card.resolution))
    model = Model(recipe)
    load_start(model, recipe)
    return model.eval().requires_grad_(False), card

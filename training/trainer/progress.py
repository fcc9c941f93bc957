"""How far a run is, in images: what an epoch has, where stages begin and end, the learning rate there."""

from __future__ import annotations

import math
from itertools import accumulate

import numpy as np

from training.dataset.pairs import Pairs
from training.trainer.recipe import Recipe


def epoch_images(pairs: Pairs, batch_size: int) -> int:
    """Images that an epoch of `Pairs.plan` has: every sample, and those that fill up the last batch of each bucket."""
    counts = np.bincount(pairs.bucket_of)
    return int((-(-counts // batch_size)).sum()) * batch_size


def stage_ends(recipe: Recipe, epoch: int) -> list[int]:
    """Images seen at the end of each stage. epoch: images that an epoch has."""
    return list(accumulate(stage.length(epoch) for stage in recipe.stages))


def stage_at(recipe: Recipe, images: int, epoch: int) -> tuple[int, float]:
    """Number of the stage and progress within it, [0, 1], after so many images; the last one goes on for ever."""
    begin = 0
    for number, end in enumerate(stage_ends(recipe, epoch)):
        if images < end or number == len(recipe.stages) - 1:
            return number, min((images - begin) / max(end - begin, 1), 1.0)
        begin = end
    raise AssertionError("a recipe has stages")


def lr_at(recipe: Recipe, images: int, epoch: int) -> float:
    """Of the step that begins after `images`: warm-up over the run, cosine within the stage."""
    number, progress = stage_at(recipe, images, epoch)
    stage, o = recipe.stages[number], recipe.optimizer
    lr = stage.final_lr + (stage.lr - stage.final_lr) * 0.5 * (1 + math.cos(math.pi * progress))
    return lr * min(1.0, (images + o.batch_size) / o.warmup) if o.warmup else lr


def crossed(before: int, now: int, every: int) -> bool:
    """True when a multiple of `every` lies in (before, now]."""
    return bool(every) and now // every > before // every

"""What goes into each step: which samples, by which process, in how many parts; read ahead by a DataLoader.

A run is a fixed sequence of samples. `Position` says how far it has come, and everything that follows is computed from
it, so that to resume is to begin there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from lib_colorize.errors import ColorizeError
from training.dataset.batch import Batch
from training.dataset.pairs import Pairs
from training.trainer.progress import epoch_images, stage_at
from training.trainer.random_draws import Draws, draw_noise
from training.trainer.recipe import Recipe
from training.trainer.recipe_parts import Stage, Tokens
from training.trainer.transfer import changed, moved, pinned


@dataclass(frozen=True)
class Position:
    """How far a run has come: `images` seen in `steps` steps, next is batch number `batch` of `epoch`."""

    images: int = 0
    steps: int = 0
    epoch: int = 0
    batch: int = 0


@dataclass(frozen=True)
class StepPart:
    """The samples that one process takes at once; a step has `Share.parts` of them, `after` is None but in the last."""

    stage: int
    epoch: int
    indices: tuple[int, ...]
    positions: tuple[int, ...]  # of the samples in the run
    weights: tuple[float, ...]  # of their losses: the sum over parts and the mean over processes is the batch's mean
    after: Position | None
    ends_epoch: bool = False


@dataclass(frozen=True)
class Share:
    """One process's share of every step."""

    rank: int
    world: int
    parts: int

    @classmethod
    def of(cls, recipe: Recipe, rank: int, world: int) -> Share:
        """In as few parts as run.micro_batch allows."""
        share = -(-recipe.optimizer.batch_size // world)
        return cls(rank, world, -(-share // (recipe.run.micro_batch or share)))

    def split(self, batch: Sequence[int], first: int) -> list[tuple[list[int], list[int], list[float]]]:
        """(indices, positions, weights) of each part; filled up with weight 0 where a batch has too few samples."""
        own = range(self.rank, len(batch), self.world)
        count = max(-(-len(batch) // self.world), self.parts)
        places = [*own, *[0] * (count - len(own))]
        weight = self.world * self.parts / len(batch)
        weights = [weight] * len(own) + [0.0] * (count - len(own))
        bounds = [count * i // self.parts for i in range(self.parts + 1)]
        return [([batch[p] for p in places[a:b]], [first + p for p in places[a:b]], weights[a:b])
                for a, b in pairwise(bounds)]


def parts(recipe: Recipe, pairs: Pairs, seed: int, start: Position, end: int, share: Share) -> Iterator[StepPart]:
    """The parts of one process from `start` until `end` images are seen."""
    position, plan, planned = start, None, -1
    epoch = epoch_images(pairs, recipe.optimizer.batch_size)
    while position.images < end:
        if planned != position.epoch:
            plan, planned = pairs.plan(seed, position.epoch, recipe.optimizer.batch_size), position.epoch
        if not plan:
            raise ColorizeError(f"epoch {position.epoch} has no batch, expected at least one sample")
        if position.batch >= len(plan):
            position = replace(position, epoch=position.epoch + 1, batch=0)
            continue
        batch = plan[position.batch]
        stage, _ = stage_at(recipe, position.images, epoch)
        after = replace(position, images=position.images + len(batch), steps=position.steps + 1,
                        batch=position.batch + 1)
        split = share.split(batch, position.images)
        for i, (indices, positions, weights) in enumerate(split):
            last = i == len(split) - 1
            yield StepPart(stage, position.epoch, tuple(indices), tuple(positions), tuple(weights),
                       after if last else None, last and after.batch == len(plan))
        position = after


@dataclass(frozen=True)
class Loaded:
    """A part with its samples and draws."""

    part: StepPart
    batch: Batch
    draws: Draws
    weights: Tensor  # [B], the part's: made here, for a tensor made of numbers on a GPU waits for it

    @classmethod
    def of(cls, part: StepPart, batch: Batch, draws: Draws) -> Loaded:
        return cls(part, batch, draws, torch.tensor(part.weights))

    def pin_memory(self) -> Loaded:
        """Called by the DataLoader: page-locked copies, which go to a GPU while it computes."""
        return self._each(pinned)

    def to(self, device: torch.device) -> Loaded:
        """The same on a device, pictures in [-1, 1]; what is pinned goes there while both compute."""
        there = self._each(lambda tensor: moved(tensor, device))
        return replace(there, batch=there.batch.scaled())

    def _each(self, change: Callable[[Tensor], Tensor]) -> Loaded:
        return Loaded(self.part, changed(self.batch, change), changed(self.draws, change), change(self.weights))


class Reader(Dataset[Loaded]):
    """Part -> Loaded; runs in the workers."""

    def __init__(self, pairs: Pairs, recipe: Recipe, seed: int, steps: int) -> None:
        self.pairs, self.recipe, self.seed, self.steps = pairs, recipe, seed, steps

    def __getitem__(self, part: StepPart) -> Loaded:
        stage = self.recipe.stages[part.stage]
        batch = self.pairs.as_read(part.indices, self.seed, part.epoch, stage.window)
        latent = latent_shape(self.recipe, batch.sketch.shape[-2:])
        draws = draw_noise(self.seed, part.positions, latent, token_shape(self.recipe, stage), self.steps,
                     self.recipe.loss.t_power)
        return Loaded.of(part, batch, draws)


def latent_shape(recipe: Recipe, picture: Sequence[int]) -> tuple[int, int, int]:
    """(C, h, w) of a picture of (H, W); a VAE halves at each level but the last."""
    vae = recipe.networks.vae
    factor = 2 ** (len(vae.ch_mult) - 1) if vae else 8
    return recipe.networks.unet.in_channels, picture[0] // factor, picture[1] // factor


def token_shape(recipe: Recipe, stage: Stage | None) -> tuple[int, int]:
    """(N, D) of the context; (0, 0) for a stage that puts no noise on it."""
    if stage is not None and stage.token_noise.value == "none":
        return 0, 0
    vision, width = recipe.networks.reference, recipe.networks.unet.context_dim
    assert vision is not None
    local = (vision.image_size // vision.patch_size) ** 2
    return {Tokens.LOCAL: local, Tokens.PROJECTED: 256, Tokens.CLS: 1}[recipe.tokens], width


def loader(
    recipe: Recipe, pairs: Pairs, seed: int, start: Position, end: int, share: Share, steps: int, pin: bool,
) -> DataLoader[Any]:
    """Loaded parts in order; run.workers processes read ahead."""
    workers = recipe.run.workers
    return DataLoader(
        Reader(pairs, recipe, seed, steps), batch_size=None, num_workers=workers, pin_memory=pin,
        prefetch_factor=4 if workers else None, generator=torch.Generator(),  # not the global one, which is saved
        sampler=parts(recipe, pairs, seed, start, end, share))  # any iterable of keys will do

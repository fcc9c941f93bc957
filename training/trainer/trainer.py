"""Everything that lives as long as a run: networks, optimizer, moving average, and a step of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from PIL import Image
from torch import nn

from training.dataset.pairs import Pairs
from training.trainer import run_state as state
from training.trainer.ema import EMA
from training.trainer.feed import Loaded, Position
from training.trainer.frozen_encoders import FrozenEncoders
from training.trainer.initial_weights import StartReport, load_start
from training.trainer.logs import ThroughputMeter
from training.trainer.networks import Model, checkpoint_blocks, compile_blocks
from training.trainer.objective import Objective
from training.trainer.optimizer import WHOLE, make_optimizer, prepare_shards
from training.trainer.progress import epoch_images, lr_at
from training.trainer.recipe import Recipe
from training.trainer.sample_grids import Examples, sample_grid


@dataclass
class Trainer:
    """Everything that lives as long as a run."""

    accelerator: Accelerator
    recipe: Recipe
    pairs: Pairs
    seed: int
    out: Path
    model: nn.Module  # as accelerate made it
    optimizer: Any
    ema: EMA | None
    encoders: FrozenEncoders
    objective: Objective
    start: StartReport
    position: Position = field(default_factory=Position)

    @classmethod
    def build(
        cls, accelerator: Accelerator, recipe: Recipe, pairs: Pairs, seed: int, out: Path, encoders: FrozenEncoders,
    ) -> Trainer:
        """Networks with start weights, optimizer and moving average, all at the last checkpoint if there is one."""
        set_seed(seed)
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = recipe.run.tf32
        model = Model(recipe)
        start = load_start(model, recipe)
        if recipe.run.channels_last and accelerator.distributed_type.value in WHOLE:  # shards are flat
            model.to(memory_format=torch.channels_last)
        if recipe.run.checkpointing:
            checkpoint_blocks(model.unet)
        if recipe.run.compile:
            compile_blocks(model.unet)
        optimizer = make_optimizer(model, recipe, accelerator)
        prepare_shards(accelerator, recipe, model)
        prepared, optimizer = accelerator.prepare(model, optimizer)
        trained = [p for p in prepared.parameters() if p.requires_grad]
        ema = EMA(trained, recipe.optimizer.ema_decay) if recipe.optimizer.ema_decay else None
        trainer = cls(accelerator, recipe, pairs, seed, out, prepared, optimizer, ema, encoders.to(accelerator.device),
                      Objective.of(recipe, accelerator.device), start)
        trainer.position = state.load_checkpoint(accelerator, out, ema)
        return trainer

    def step(self, loaded: Loaded, meter: ThroughputMeter) -> None:
        """One part: forward and backward; with the last part of a step also the update of the weights."""
        accelerator, part = self.accelerator, loaded.part
        loaded = loaded.to(accelerator.device)
        weights = torch.tensor(part.weights, device=accelerator.device)
        with accelerator.accumulate(self.model):
            encoded = self.encoders.encode(loaded.batch)
            losses = self.objective.losses(self.model, encoded, loaded.draws, self.recipe.stages[part.stage])
            accelerator.backward((losses * weights).sum())
            if accelerator.sync_gradients:
                norm = accelerator.clip_grad_norm_(self.model.parameters(), self.recipe.optimizer.clip or math.inf)
                meter.add_norm(norm)
            self.optimizer.step()
            self.optimizer.zero_grad()
        meter.add(losses, loaded.draws.t, (weights > 0).float())
        if part.after is not None:
            if self.ema and not self.optimizer.step_was_skipped:
                self.ema.update()
            meter.images += part.after.images - self.position.images
            self.position = part.after

    @cached_property
    def epoch(self) -> int:
        """Images that an epoch has."""
        return epoch_images(self.pairs, self.recipe.optimizer.batch_size)

    def set_lr(self) -> float:
        """The learning rate of the next step."""
        lr = lr_at(self.recipe, self.position.images, self.epoch)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        return lr

    def samples(self, examples: Examples) -> Image.Image:
        """A sample grid of the averaged weights; all processes call it."""
        self.model.eval()
        try:
            with self.ema.applied() if self.ema else torch.no_grad():
                return sample_grid(self.model, examples, self.encoders, self.objective, self.accelerator.device,
                            self.recipe.run.sample_steps)
        finally:
            self.model.train()

    def save(self, milestone: str = "") -> Path:
        """A checkpoint; one with a milestone (the end of a stage) is kept for good."""
        return state.save_checkpoint(
            self.accelerator, self.out, self.position, self.ema, self.recipe.run.keep, milestone)

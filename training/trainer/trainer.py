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
from torch import Tensor, nn

from training.dataset.pairs import Pairs
from training.trainer import run_state as state
from training.trainer.captured import CapturedPass, Pass, wants_capture
from training.trainer.compiling import lay_out, uncompiled
from training.trainer.ema import EMA
from training.trainer.feed import Loaded, Position
from training.trainer.frozen_encoders import Encoded, FrozenEncoders
from training.trainer.initial_weights import StartReport, load_start
from training.trainer.logs import ThroughputMeter
from training.trainer.networks import Model
from training.trainer.objective import Objective
from training.trainer.optimizer import HALF, WHOLE, make_optimizer, prepare_shards
from training.trainer.progress import epoch_images, lr_at
from training.trainer.random_draws import Draws
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
    passes: Pass = field(init=False)

    def __post_init__(self) -> None:
        self.passes = self.one_pass

    @classmethod
    def build(
        cls, accelerator: Accelerator, recipe: Recipe, pairs: Pairs, seed: int, out: Path, encoders: FrozenEncoders,
    ) -> Trainer:
        """Networks with start weights, optimizer and moving average, all at the last checkpoint if there is one."""
        set_seed(seed)
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = recipe.run.tf32
        torch.backends.cudnn.benchmark = True  # a run has few sizes, each many times
        model, device = Model(recipe), accelerator.device
        start = load_start(model, recipe)
        if accelerator.distributed_type.value in WHOLE:
            model.to(device)  # before the optimizer, whose fused form torch 2.3 makes on a GPU alone
            if recipe.run.channels_last:  # shards are flat
                model.to(memory_format=torch.channels_last)
        half = HALF.get(accelerator.mixed_precision)
        lay_out(model, recipe, device, half if accelerator.distributed_type.value in WHOLE else None)
        optimizer = make_optimizer(model, recipe, device)
        prepare_shards(accelerator, recipe, model)
        prepared, optimizer = accelerator.prepare(model, optimizer)
        trained = [p for p in prepared.parameters() if p.requires_grad]
        ema = EMA(trained, recipe.optimizer.ema_decay) if recipe.optimizer.ema_decay else None
        encoders = encoders.to(device, half)
        trainer = cls(accelerator, recipe, pairs, seed, out, prepared, optimizer, ema, encoders,
                      Objective.of(recipe, device), start)
        if wants_capture(recipe, accelerator, trained):
            trainer.passes = CapturedPass(trainer.one_pass, trained)
        trainer.position = state.load_checkpoint(accelerator, out, ema)
        return trainer

    def step(self, loaded: Loaded, meter: ThroughputMeter) -> None:
        """One part: forward and backward; with the last part of a step also the update of the weights."""
        accelerator, part = self.accelerator, loaded.part
        loaded = loaded.to(accelerator.device)
        weights = loaded.weights
        with accelerator.accumulate(self.model):
            losses = self.passes(self.encoders.encode(loaded.batch), loaded.draws, weights, part.stage)
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

    def one_pass(self, encoded: Encoded, draws: Draws, weights: Tensor, stage: int) -> Tensor:
        """Forward and backward: the losses [B] of one part, whose gradients are added to those that are there."""
        losses = self.objective.losses(self.model, encoded, draws, self.recipe.stages[stage])
        self.accelerator.backward((losses * weights).sum())
        return losses

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
            with uncompiled(), self.ema.applied() if self.ema else torch.no_grad():
                return sample_grid(self.model, examples, self.encoders, self.objective, self.accelerator.device,
                            self.recipe.run.sample_steps)
        finally:
            self.model.train()

    def save(self, milestone: str = "") -> Path:
        """A checkpoint; one with a milestone (the end of a stage) is kept for good."""
        return state.save_checkpoint(
            self.accelerator, self.out, self.position, self.ema, self.recipe.run.keep, milestone)

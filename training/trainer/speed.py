"""The real step of a recipe over one random batch in memory, to be timed: no files, and random weights."""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from lib_colorize.engine.networks import AutoencoderKL
from lib_colorize.method.reference_encoder import ReferenceEncoder
from training.dataset.batch import Batch
from training.trainer.feed import Loaded, Position, Share, StepPart, latent_shape, token_shape
from training.trainer.frozen_encoders import FrozenEncoders
from training.trainer.logs import ThroughputMeter
from training.trainer.random_draws import Draws, draw_noise
from training.trainer.recipe import Recipe
from training.trainer.trainer import Trainer


@dataclass(frozen=True)
class Samples:
    """One batch in memory, as pictures and as what a cache holds."""

    pictures: Batch
    cached: Batch
    draws: Draws

    @classmethod
    def make(cls, recipe: Recipe) -> Samples:
        """Random, of the recipe's size, pictures as bytes."""
        torch.manual_seed(0)
        side, count = recipe.data.resolution, recipe.optimizer.batch_size
        color = torch.randint(0, 256, (count, side, side, 3), dtype=torch.uint8).permute(0, 3, 1, 2)
        lines = torch.where(torch.rand(count, 1, side, side) < 0.1, 0, 255).to(torch.uint8)
        sketch = lines.expand(-1, 3, -1, -1)
        latent, (n, width) = latent_shape(recipe, (side, side)), token_shape(recipe, None)
        inside, vision = recipe.reference_encoder.inside, recipe.networks.reference
        assert vision is not None
        local = (vision.image_size // vision.patch_size) ** 2
        cached = Batch(sketch=sketch, mean=torch.randn(count, *latent), std=torch.rand(count, *latent),
                       reference=color if inside else None,
                       tokens=None if inside else torch.randn(count, 1 + local, width))
        tokens_noised = (n, width) if recipe.stages[-1].token_noise.value != "none" else (0, 0)
        return cls(Batch(sketch=sketch, color=color, reference=color), cached,
                   draw_noise(0, range(count), latent, tokens_noised, 1000))


def forget_everything() -> None:
    """Compiled code, captured graphs and free memory of what is not referred to any more; accelerate's one state."""
    from accelerate.state import AcceleratorState, GradientState

    AcceleratorState._reset_state()
    GradientState._reset_state()
    torch._dynamo.reset()
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def random_trainer(recipe: Recipe) -> Trainer:
    """A run without data, its networks with random weights, the frozen ones too, drawn on the device."""
    from accelerate import Accelerator

    accelerator = Accelerator(mixed_precision=recipe.run.precision or None,
                              gradient_accumulation_steps=Share.of(recipe, 0, 1).parts)
    with tempfile.TemporaryDirectory() as folder, accelerator.device:  # random weights take seconds on a CPU
        return Trainer.build(accelerator, recipe, None, 0, Path(folder),  # type: ignore[arg-type]
                             random_encoders(recipe, accelerator.autocast))


def random_encoders(recipe: Recipe, autocast: Callable[[], Any]) -> FrozenEncoders:
    """The frozen networks of a recipe with random weights."""
    networks, encoder = recipe.networks, None
    assert networks.vae and networks.reference
    vae = AutoencoderKL(networks.vae).eval().requires_grad_(False)
    if not recipe.reference_encoder.inside:
        encoder = ReferenceEncoder(networks.reference).eval().requires_grad_(False)
    return FrozenEncoders(vae, encoder, recipe.reference_encoder.inside, autocast)


def steps_over(trainer: Trainer, batch: Batch, draws: Draws) -> Callable[[], None]:
    """A step of the real loop over a batch in memory, pinned as a DataLoader would."""
    share, count = Share.of(trainer.recipe, 0, 1), len(batch.sketch)
    meter = ThroughputMeter(trainer.accelerator.device, 1000)
    parts = []
    for i, (places, positions, weights) in enumerate(share.split(range(count), 0)):
        part = StepPart(len(trainer.recipe.stages) - 1, 0, tuple(places), tuple(positions), tuple(weights),
                        Position() if i == share.parts - 1 else None)
        loaded = Loaded.of(part, _rows(batch, places), _rows(draws, places))
        parts.append(loaded.pin_memory() if trainer.accelerator.device.type == "cuda" else loaded)

    def step() -> None:
        for loaded in parts:
            after = loaded.part.after and Position(trainer.position.images + count)
            trainer.step(replace(loaded, part=replace(loaded.part, after=after)), meter)

    return step


def _rows(values: Any, places: Sequence[int]) -> Any:
    """Those rows of every tensor of a Batch or Draws."""
    if len(places) == len(next(iter(vars(values).values()))):
        return values
    return replace(values, **{k: None if v is None else v[list(places)] for k, v in vars(values).items()})


def seconds_a_step(step: Callable[[], None], steps: int, device: torch.device) -> float:
    """Mean of `steps` steps."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    begin = time.perf_counter()
    for _ in range(steps):
        step()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - begin) / steps

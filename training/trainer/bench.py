"""Throughput of the training loop against a straightforward one of the same networks, in one run.

    python -m training.bench [--preset pocket] [--set a.b=v] [--rounds 3] [--steps 4]

The straightforward loop is what one writes first: pictures through the VAE and the reference encoder in every step,
float32, attention by einsum and softmax, AdamW and moving average parameter by parameter. Both take their samples from
memory. The loops take turns, so that a busy machine slows them alike; the median of the rounds is reported.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from lib_colorize.engine.networks import AutoencoderKL
from lib_colorize.errors import ColorizeError
from lib_colorize.method.reference_encoder import ReferenceEncoder
from training.dataset.batch import Batch
from training.trainer.costs import costs
from training.trainer.estimate import matmul_speed
from training.trainer.feed import Loaded, Position, Share, StepPart, latent_shape, token_shape
from training.trainer.frozen_encoders import FrozenEncoders
from training.trainer.logs import ThroughputMeter
from training.trainer.random_draws import Draws, draw_noise
from training.trainer.recipe import Recipe
from training.trainer.recipes import RECIPES, recipe_of
from training.trainer.straightforward import Straightforward
from training.trainer.trainer import Trainer

GOAL = 1.5


@dataclass(frozen=True)
class Samples:
    """One batch in memory, as pictures and as what a cache holds."""

    pictures: Batch
    cached: Batch
    draws: Draws

    @classmethod
    def make(cls, recipe: Recipe, encoders: FrozenEncoders) -> Samples:
        """Random, of the recipe's size."""
        torch.manual_seed(0)
        side, count = recipe.data.resolution, recipe.optimizer.batch_size
        color = torch.rand(count, 3, side, side) * 2 - 1
        sketch = torch.where(torch.rand(count, 1, side, side) < 0.1, 1.0, -1.0).repeat(1, 3, 1, 1)
        pictures = Batch(sketch=sketch, color=color, reference=color)
        latent, (n, width) = latent_shape(recipe, (side, side)), token_shape(recipe, None)
        local = encoders.reference_encoder
        tokens = None if local is None else torch.randn(count, 1 + (local.image_size // _patch(recipe)) ** 2, width)
        cached = Batch(sketch=sketch, mean=torch.randn(count, *latent), std=torch.rand(count, *latent),
                       reference=color if tokens is None else None, tokens=tokens)
        tokens_noised = (n, width) if recipe.stages[-1].token_noise.value != "none" else (0, 0)
        return cls(pictures, cached, draw_noise(0, range(count), latent, tokens_noised, 1000))


def _patch(recipe: Recipe) -> int:
    assert recipe.networks.reference
    return recipe.networks.reference.patch_size


def ours(trainer: Trainer, batch: Batch, draws: Draws) -> Callable[[], None]:
    """A step of the real loop over a batch in memory."""
    share, count = Share.of(trainer.recipe, 0, 1), len(batch.sketch)
    meter = ThroughputMeter(trainer.accelerator.device, 1000)

    def step() -> None:
        for i, (places, positions, weights) in enumerate(share.split(range(count), 0)):
            after = Position(trainer.position.images + count) if i == share.parts - 1 else None
            part = StepPart(len(trainer.recipe.stages) - 1, 0, tuple(places), tuple(positions), tuple(weights), after)
            trainer.step(Loaded(part, _rows(batch, places), _rows(draws, places)), meter)

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


def bench(recipe: Recipe, rounds: int, steps: int) -> dict[str, Any]:
    """Images per second of each loop, and what they are in relation to this machine."""
    from accelerate import Accelerator

    accelerator = Accelerator(mixed_precision=recipe.run.precision or None,
                              gradient_accumulation_steps=Share.of(recipe, 0, 1).parts)
    device, networks = accelerator.device, recipe.networks
    assert networks.vae and networks.reference
    vae = AutoencoderKL(networks.vae).eval().requires_grad_(False)
    encoder = None
    if not recipe.reference_encoder.inside:
        encoder = ReferenceEncoder(networks.reference).eval().requires_grad_(False)
    encoders = FrozenEncoders(vae, encoder, recipe.reference_encoder.inside, accelerator.autocast)
    samples = Samples.make(recipe, encoders)
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer.build(accelerator, recipe, None, 0, Path(folder), encoders)  # type: ignore[arg-type]
    plain = Straightforward(recipe, vae, encoder, device)
    loops = {"straightforward": lambda: plain.step(samples.pictures, samples.draws),
             "ours, nothing cached": ours(trainer, samples.pictures, samples.draws),
             "ours, cached": ours(trainer, samples.cached, samples.draws)}
    times: dict[str, list[float]] = {name: [] for name in loops}
    for step in loops.values():
        step()  # allocations and, on a GPU, the choice of kernels
    for _ in range(rounds):
        for name, step in loops.items():
            times[name].append(seconds_a_step(step, steps, device))
    return bench_summary(recipe, times, device)


def bench_summary(recipe: Recipe, times: dict[str, list[float]], device: torch.device) -> dict[str, Any]:
    """Medians as images per second, ratios to the straightforward loop, share of the speed of a matrix product."""
    count = recipe.optimizer.batch_size
    rates = {name: count / statistics.median(found) for name, found in times.items()}
    half = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(recipe.run.precision, torch.float32)
    found: dict[str, Any] = {
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "CPU",
        "threads": torch.get_num_threads(), "batch": count, "resolution": recipe.data.resolution,
        "images_per_second": rates,
        "times_faster": {name: rate / rates["straightforward"] for name, rate in rates.items()},
        "share_of_matmul": rates["ours, cached"] * costs(recipe).flops / matmul_speed(device, half)}
    if device.type == "cuda":
        found["peak_memory_gb"] = torch.cuda.max_memory_allocated() / 1e9
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=sorted(RECIPES), default="pocket")
    parser.add_argument("--set", action="append", default=[], dest="settings", metavar="a.b=v", help="as of train.py")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=4, help="steps of each loop in a round")
    args = parser.parse_args()
    try:
        for name in ("rounds", "steps"):
            if getattr(args, name) < 1:
                raise ColorizeError(f"--{name}: found {getattr(args, name)}, expected 1 or more")
        recipe = recipe_of(args.preset, [*args.settings, "start.checkpoint=none", "run.trackers="])
        found = bench(recipe, args.rounds, args.steps)
    except ColorizeError as error:
        sys.exit(f"error: {error}")
    print(json.dumps(found, indent=1))
    faster = found["times_faster"]["ours, cached"]
    print(f"{faster:.2f} times the straightforward loop (goal {GOAL})")

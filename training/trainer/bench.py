"""Throughput of the training loop against a straightforward one of the same networks, in one run.

    python -m training.bench [--preset pocket] [--set a.b=v] [--rounds 3] [--steps 4]

The straightforward loop is what one writes first: pictures through the VAE and the reference encoder in every step,
float32, attention by einsum and softmax, AdamW and moving average parameter by parameter. Both take their samples from
memory. The loops take turns, so that a busy machine slows them alike; the median of the rounds is reported.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import sys
from typing import Any

import torch

from lib_colorize.errors import ColorizeError
from training.trainer.costs import costs
from training.trainer.estimate import matmul_speed
from training.trainer.recipe import Recipe
from training.trainer.recipes import RECIPES, recipe_of
from training.trainer.speed import Samples, random_trainer, seconds_a_step, steps_over
from training.trainer.straightforward import Straightforward

GOAL = 1.5


def bench(recipe: Recipe, rounds: int, steps: int) -> dict[str, Any]:
    """Images per second of each loop, and what they are in relation to this machine."""
    trainer = random_trainer(recipe)
    device, encoders, samples = trainer.accelerator.device, trainer.encoders, Samples.make(recipe)
    assert encoders.vae is not None
    vae, encoder = copy.deepcopy(encoders.vae).float(), copy.deepcopy(encoders.reference_encoder)
    plain = Straightforward(recipe, vae, None if encoder is None else encoder.float(), device)
    pictures = samples.pictures.scaled()
    loops = {"straightforward": lambda: plain.step(pictures, samples.draws),
             "ours, nothing cached": steps_over(trainer, samples.pictures, samples.draws),
             "ours, cached": steps_over(trainer, samples.cached, samples.draws)}
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

"""Images a second of the training loop, over a batch in memory: networks of random weights, nothing read or written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import torch

from tools.gpu_check.findings import Finding, Goal
from tools.gpu_check.notebook import Notebook
from tools.gpu_check.timing import GB, median
from training.trainer.compiling import lacks
from training.trainer.recipe import Recipe
from training.trainer.recipes import recipe_of
from training.trainer.speed import Samples, forget_everything, random_trainer, seconds_a_step, steps_over
from training.trainer.trainer import Trainer

NOTHING_READ = ("start.checkpoint=none", "start.vae=none", "start.reference_encoder=none", "run.trackers=",
                "run.micro_batch=0")
WARM_UP, ROUNDS, STEPS = 3, 3, 4  # steps before, rounds of which the median counts, steps of a round
TINY = (  # --set values that make any preset tiny
    "networks.unet.model_channels=32", "networks.unet.channel_mult=1,1,2,2", "networks.unet.num_head_channels=32",
    "networks.unet.context_dim=32", "networks.sketch.model_channels=32", "networks.sketch.channel_mult=1,1,2,2",
    "networks.vae.ch=32", "networks.vae.ch_mult=1,1,1,1", "networks.vae.num_res_blocks=0",
    "networks.reference.image_size=32", "networks.reference.patch_size=16", "networks.reference.width=32",
    "networks.reference.layers=1", "networks.reference.head_width=32", "networks.reference.mlp_ratio=2",
    "networks.reference.output_dim=32", "data.resolution=64", "data.max_margin=8")


def recipe_on(notebook: Notebook, preset: str, *settings: str) -> Recipe:
    """The preset in bf16, or tiny in float32; nothing is read from files."""
    precision = "bf16" if notebook.on_gpu and torch.cuda.is_bf16_supported() else "fp16" if notebook.on_gpu else "no"
    tiny = TINY if notebook.tiny else ()
    return recipe_of(preset, [*NOTHING_READ, *settings, *tiny, f"run.precision={precision}"])


def measure_speed(
    notebook: Notebook, recipe: Recipe, what: str, batches: Sequence[int], goals: Mapping[str, Goal | None],
    fullest: Goal | None = None,
) -> None:
    """Each way of feeding ("cached", "not cached"), at the first size of a batch that fits the card.

    fullest: the goal of the most memory at the first way and the first size.
    """
    trainer = notebook.attempt(f"{what}, networks and optimizer", lambda: random_trainer(recipe))
    if trainer is None:
        return
    for way, goal in goals.items():
        for batch in batches:
            name = f"{what}, batch {batch}, {way}"
            peak_goal = fullest if (way, batch) == (next(iter(goals)), batches[0]) else None
            if notebook.attempt(name, partial(speed_of, notebook, trainer, name, batch, way, goal, peak_goal)):
                break
            trainer.optimizer.zero_grad()
            notebook.forget()
    del trainer
    forget_everything()


def speed_of(
    notebook: Notebook, trainer: Trainer, name: str, batch: int, way: str, goal: Goal | None, peak_goal: Goal | None,
) -> bool:
    """The median of some rounds after warming up, and the most memory."""
    device, (warm_up, rounds, steps) = notebook.device, (0, 1, 1) if notebook.tiny else (WARM_UP, ROUNDS, STEPS)
    samples = Samples.make(with_batch(trainer.recipe, batch))
    step = steps_over(trainer, samples.cached if way == "cached" else samples.pictures, samples.draws)
    first = seconds_a_step(step, 1, device)
    for _ in range(warm_up):
        step()
    if notebook.on_gpu:
        torch.cuda.reset_peak_memory_stats()
    taken = median([seconds_a_step(step, steps, device) for _ in range(rounds)])
    notebook.number(name, batch / taken, "images/s", goal, f"{1000 * taken:.0f} ms a step, the first {first:.1f} s")
    if notebook.on_gpu:
        notebook.number("its peak of memory", torch.cuda.max_memory_allocated() / GB, "GB", peak_goal,
                        f"torch held {torch.cuda.max_memory_reserved() / GB:.1f} GB of the card")
    return True


def with_batch(recipe: Recipe, batch: int) -> Recipe:
    """The recipe with another number of samples a step."""
    return replace(recipe, optimizer=replace(recipe.optimizer, batch_size=batch))


def can_compile(notebook: Notebook) -> bool:
    """False, and written down, where torch.compile has no back end for this device; on a CPU it is not asked for."""
    if not notebook.on_gpu:
        notebook.add(Finding("compiled", note="not measured on a CPU"))
        return False
    if lacking := lacks(notebook.device.type):
        notebook.add(Finding("compiled", note=f"not measured: this machine has no {lacking}"))
    return not lacking

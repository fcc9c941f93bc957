"""Images a second of the training loop, over a batch in memory: networks of random weights, nothing read or written."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from tools.gpu_check.findings import Finding, Goal
from tools.gpu_check.notebook import Notebook
from tools.gpu_check.timing import GB, median
from training.trainer.feed import Share
from training.trainer.recipe import Recipe
from training.trainer.recipes import recipe_of
from training.trainer.speed import Samples, random_encoders, seconds_a_step, steps_over
from training.trainer.trainer import Trainer

NOTHING_READ = ("start.checkpoint=none", "start.vae=none", "start.reference_encoder=none", "run.trackers=",
                "run.micro_batch=0")
STEPS, WARM_UP = 7, 3
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


@contextmanager
def trainer_of(recipe: Recipe) -> Iterator[Trainer]:
    """A run at its start, its encoders of random weights too."""
    from accelerate import Accelerator

    accelerator = Accelerator(mixed_precision=recipe.run.precision, gradient_accumulation_steps=Share.of(recipe, 0, 1)
                              .parts)
    with accelerator.device:  # made where they are used: initialising takes longest
        encoders = random_encoders(recipe, accelerator.autocast)
    with tempfile.TemporaryDirectory() as folder:
        yield Trainer.build(accelerator, recipe, None, 0, Path(folder), encoders)  # type: ignore[arg-type]


def measure_speed(
    notebook: Notebook, trainer: Trainer, what: str, batches: Sequence[int], goals: dict[str, Goal | None],
) -> None:
    """Each way of feeding ("cached", "not cached"), at the first size of a batch that fits the card."""
    for way, goal in goals.items():
        for batch in batches:
            name = f"{what}, batch {batch}, {way}"
            if notebook.attempt(name, partial(one, notebook, trainer, name, batch, way, goal)):
                break
            trainer.optimizer.zero_grad()
            notebook.forget()


def one(
    notebook: Notebook, trainer: Trainer, name: str, batch: int, way: str, goal: Goal | None,
) -> bool:
    """The median of the steps after warming up, and the most memory."""
    device = notebook.device
    samples = Samples.make(with_batch(trainer.recipe, batch))
    step = steps_over(trainer, samples.cached if way == "cached" else samples.pictures, samples.draws)
    if notebook.on_gpu:
        torch.cuda.reset_peak_memory_stats()
    first = seconds_a_step(step, 1, device)
    if not notebook.tiny:
        seconds_a_step(step, WARM_UP, device)
    taken = median([seconds_a_step(step, 1, device) for _ in range(1 if notebook.tiny else STEPS)])
    note = f"{1000 * taken:.0f} ms a step, the first {first:.1f} s"
    if notebook.on_gpu:
        note += f", peak {torch.cuda.max_memory_allocated() / GB:.1f} GB"
    notebook.number(name, batch / taken, "images/s", goal, note)
    return True


def with_batch(recipe: Recipe, batch: int) -> Recipe:
    """The recipe with another number of samples a step."""
    return replace(recipe, optimizer=replace(recipe.optimizer, batch_size=batch))


def can_compile(notebook: Notebook) -> bool:
    """False, and written down, where torch.compile has no back end for this device; on a CPU it is not asked for."""
    if not notebook.on_gpu:
        notebook.add(Finding("compiled", note="not measured on a CPU"))
        return False
    if importlib.util.find_spec("triton") is None:
        notebook.add(Finding("compiled", note="not measured: the package triton is not installed here"))
        return False
    return True

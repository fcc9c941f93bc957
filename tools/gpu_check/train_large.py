"""Training at SD2.1's size: images a second with everything cached, and with the encoders in every step."""

from __future__ import annotations

from tools.gpu_check.findings import Goal
from tools.gpu_check.notebook import Notebook
from tools.gpu_check.train_speed import measure_speed, recipe_on, trainer_of

BATCHES = (32, 8, 2)  # the first that fits
GOALS: dict[str, Goal | None] = {
    "cached": Goal(128, at_most=False, aim=150), "not cached": Goal(95, at_most=False)}  # images/s


def run(notebook: Notebook) -> None:
    """Eager; `train_compiled` is the other."""
    recipe = recipe_on(notebook, "v1-512", f"optimizer.batch_size={BATCHES[0]}", "run.compile=false")
    with trainer_of(recipe) as trainer:
        measure_speed(notebook, trainer, "eager", batches(notebook), GOALS)


def batches(notebook: Notebook) -> tuple[int, ...]:
    """Sizes of a batch to try."""
    return (2,) if notebook.tiny else BATCHES

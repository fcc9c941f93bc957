"""Training at SD2.1's size with run.compile."""

from __future__ import annotations

from tools.gpu_check.notebook import Notebook
from tools.gpu_check.train_large import BATCHES, GOALS, batches
from tools.gpu_check.train_speed import can_compile, measure_speed, recipe_on, trainer_of


def run(notebook: Notebook) -> None:
    """What is compiled takes minutes at the first step, once for a shape."""
    if not can_compile(notebook):
        return
    recipe = recipe_on(notebook, "v1-512", f"optimizer.batch_size={BATCHES[0]}", "run.compile=true")
    with trainer_of(recipe) as trainer:
        measure_speed(notebook, trainer, "compiled", batches(notebook), GOALS)

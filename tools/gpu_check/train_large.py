"""Training at SD2.1's size: images a second with everything cached, and with the encoders in every step."""

from __future__ import annotations

from tools.gpu_check.findings import Goal
from tools.gpu_check.notebook import Notebook
from tools.gpu_check.train_speed import measure_speed, recipe_on

BATCHES = (32, 8, 2)  # the first that fits
GOALS = {"cached": Goal(128, at_most=False, aim=150), "not cached": Goal(95, at_most=False)}  # images/s
FULLEST = Goal(50)  # GB, cached


def run(notebook: Notebook) -> None:
    """Eager; `train_compiled` is the other."""
    measure_large(notebook, "eager", "run.compile=false")


def measure_large(notebook: Notebook, what: str, *settings: str) -> None:
    """v1-512 with these settings."""
    batches = (2,) if notebook.tiny else BATCHES
    recipe = recipe_on(notebook, "v1-512", f"optimizer.batch_size={batches[0]}", *settings)
    measure_speed(notebook, recipe, what, batches, GOALS, FULLEST)

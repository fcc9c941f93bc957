"""Training of the small model at 256 px."""

from __future__ import annotations

from tools.gpu_check.findings import Goal
from tools.gpu_check.notebook import Notebook
from tools.gpu_check.train_speed import can_compile, measure_speed, recipe_on, trainer_of

BATCHES = (128, 32)
GOALS: dict[str, Goal | None] = {"cached": Goal(1500, at_most=False), "not cached": None}  # images/s


def run(notebook: Notebook) -> None:
    """Eager, then compiled."""
    sizes = (2,) if notebook.tiny else BATCHES
    settings = ("data.resolution=256", f"optimizer.batch_size={sizes[0]}")
    for what, compiled in (("eager", "false"), ("compiled", "true")):
        if compiled == "false" or can_compile(notebook):
            with trainer_of(recipe_on(notebook, "pocket-pairs", *settings, f"run.compile={compiled}")) as trainer:
                measure_speed(notebook, trainer, what, sizes, GOALS)

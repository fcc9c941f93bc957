"""Training of the small model at 256 px."""

from __future__ import annotations

from tools.gpu_check.findings import Goal
from tools.gpu_check.notebook import Notebook
from tools.gpu_check.train_speed import can_compile, measure_speed, recipe_on

BATCHES = (128, 32)
CACHED, NOT_CACHED = "cached", "not cached"
RATE = Goal(1500, at_most=False)  # images/s
MODES = {  # the first is what a card does when nothing is said; what takes long to begin comes last
    "captured": ("run.compile=false", "run.capture=true"),
    "eager": ("run.compile=false", "run.capture=false"),
    "compiled and captured": ("run.compile=true", "run.capture=true"),
}


def run(notebook: Notebook) -> None:
    """Each mode with networks of its own."""
    batches = (2,) if notebook.tiny else BATCHES
    for what, settings in MODES.items():
        if "run.compile=false" in settings or can_compile(notebook):
            recipe = recipe_on(notebook, "pocket-pairs", "data.resolution=256",
                               f"optimizer.batch_size={batches[0]}", *settings)
            measure_speed(notebook, recipe, what, batches, {CACHED: RATE, NOT_CACHED: None})

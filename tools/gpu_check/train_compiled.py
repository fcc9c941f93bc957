"""Training at SD2.1's size with `run.compile=true`."""

from __future__ import annotations

from tools.gpu_check.notebook import Notebook
from tools.gpu_check.train_large import measure_large
from tools.gpu_check.train_speed import can_compile


def run(notebook: Notebook) -> None:
    """To compile takes minutes at the first step, once for a shape; so this part comes last."""
    if can_compile(notebook):
        measure_large(notebook, "compiled", "run.compile=true")

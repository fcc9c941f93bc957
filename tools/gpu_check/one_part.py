"""A part in a process of its own: `python -m tools.gpu_check.one_part MODULE FILE DEVICE SECONDS released|tiny`."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import torch

from lib_colorize.console import take_any_text
from tools.gpu_check.notebook import Notebook


def main(arguments: list[str]) -> None:
    """MODULE's function `run`, given a notebook in FILE."""
    module, path, device, seconds, size = arguments
    part = importlib.import_module(module)
    notebook = Notebook(Path(path), torch.device(device), size == "tiny", float(seconds))
    notebook.attempt("all of it", lambda: part.run(notebook))


if __name__ == "__main__":
    take_any_text()
    main(sys.argv[1:])

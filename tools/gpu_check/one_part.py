"""A part in a process of its own: `python -m tools.gpu_check.one_part MODULE FILE DEVICE released|tiny`."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import torch

from lib_colorize.console import take_any_text
from tools.gpu_check.notebook import Notebook


def main(arguments: list[str]) -> None:
    """MODULE's function `run`, given a notebook in FILE, as soon as stdin says how many seconds it has."""
    module, path, device, size = arguments
    part = importlib.import_module(module)
    seconds = sys.stdin.readline()
    if seconds:  # else whoever started this is gone
        notebook = Notebook(Path(path), torch.device(device), size == "tiny", float(seconds))
        notebook.attempt("all of it", lambda: part.run(notebook))


if __name__ == "__main__":
    take_any_text()
    main(sys.argv[1:])

"""`accelerate launch training/evaluate.py`, or `python -m training.evaluate`: a checkpoint, measured on pairs."""

from __future__ import annotations

import sys
from pathlib import Path

if not __package__:  # run by its path: Python put this folder on the search path, and not the one above it
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from lib_colorize.console import take_any_text
from training.metrics.evaluate import main

if __name__ == "__main__":
    take_any_text()
    main()

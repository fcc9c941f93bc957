"""`python -m training.evaluate`: a checkpoint, measured on pairs of sketch and picture."""

from lib_colorize.console import take_any_text
from training.metrics.evaluate import main

if __name__ == "__main__":
    take_any_text()
    main()

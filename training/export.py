"""`python -m training.export`: a run as one checkpoint file."""

from lib_colorize.console import take_any_text
from training.trainer.export import main

if __name__ == "__main__":
    take_any_text()
    main()

"""`python -m training.make_small`: the small model, from drawings to a checkpoint file, in one command."""

from lib_colorize.console import take_any_text
from training.small.make_small import main

if __name__ == "__main__":
    take_any_text()
    main()

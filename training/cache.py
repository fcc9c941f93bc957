"""`python -m training.cache`: what the frozen networks make of all samples, on disk."""

from lib_colorize.console import take_any_text
from training.trainer.cache_command import main

if __name__ == "__main__":
    take_any_text()
    main()

"""`python -m training.build`: raw pictures to training shards."""

from lib_colorize.console import take_any_text
from training.dataset.build_command import main

if __name__ == "__main__":
    take_any_text()
    main()

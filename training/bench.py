"""`python -m training.bench`: the training loop beside a straightforward one."""

from lib_colorize.console import take_any_text
from training.trainer.bench import main

if __name__ == "__main__":
    take_any_text()
    main()

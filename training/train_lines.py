"""`python -m training.train_lines`: the learned line extractor."""

from lib_colorize.console import take_any_text
from training.small.train_lines import main

if __name__ == "__main__":
    take_any_text()
    main()

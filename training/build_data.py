"""`python -m training.build_data`: pictures of the small model."""

from lib_colorize.console import take_any_text
from training.small.build_data import main

if __name__ == "__main__":
    take_any_text()
    main()

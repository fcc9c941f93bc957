"""`python -m training.build_pairs`: pairs of different drawings in the same colours."""

from lib_colorize.console import take_any_text
from training.small.build_pairs import main

if __name__ == "__main__":
    take_any_text()
    main()

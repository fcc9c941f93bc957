"""`python -m training.readme_grid`: the grid at the top of the README."""

from lib_colorize.console import take_any_text
from training.evidence.readme_grid import main

if __name__ == "__main__":
    take_any_text()
    main()

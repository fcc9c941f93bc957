"""`python -m training.make_examples`: the example pictures of the demo."""

from lib_colorize.console import take_any_text
from training.small.make_examples import main

if __name__ == "__main__":
    take_any_text()
    main()

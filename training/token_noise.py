"""`python -m training.token_noise`: the plot of the reference tokens' noise against t."""

from lib_colorize.console import take_any_text
from training.trainer.token_noise import main

if __name__ == "__main__":
    take_any_text()
    main()

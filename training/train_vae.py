"""`python -m training.train_vae`: the small model's auto-encoder."""

from lib_colorize.console import take_any_text
from training.small.train_vae import main

if __name__ == "__main__":
    take_any_text()
    main()

"""`python -m training.warm_up`: first weights of the small model's two encoders."""

from lib_colorize.console import take_any_text
from training.small.warm_up import main

if __name__ == "__main__":
    take_any_text()
    main()

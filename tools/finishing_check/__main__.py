"""The door of `python -m tools.finishing_check`."""

import sys

from lib_colorize.console import take_any_text
from tools.finishing_check.command import main

if __name__ == "__main__":
    take_any_text()
    sys.exit(main())

"""python -m lib_colorize"""

import sys

from .standalone.cli import main

if __name__ == "__main__":
    sys.exit(main())

"""python -m lib_colorize"""

import sys

from .cli.commands import main

if __name__ == "__main__":
    sys.exit(main())

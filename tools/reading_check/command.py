"""The command: measures how pictures are read, prints a table.

    python -m tools.reading_check [PART ...] [--packages FOLDER] [--no-fetch] [--list]

Exit status 1 when a goal is missed, 2 when something cannot be measured.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from tools.measured_parts import listed_parts, measure_parts
from tools.reading_check.packages import Packages
from tools.reading_check.parts import PARTS

KEPT = Path("data") / "debian"  # git does not look there


def parser() -> argparse.ArgumentParser:
    command = argparse.ArgumentParser(prog="python -m tools.reading_check", description=__doc__,
                                      formatter_class=argparse.RawDescriptionHelpFormatter)
    command.add_argument("parts", nargs="*", metavar="PART", help="these alone; default: all")
    command.add_argument("--packages", type=Path, default=KEPT, metavar="FOLDER",
                         help=f"where Debian's pictures are kept, fetched when missing; default: {KEPT.as_posix()}")
    command.add_argument("--no-fetch", action="store_true", help="fetch nothing")
    command.add_argument("--list", action="store_true", help="print the parts and stop")
    return command


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status."""
    args = parser().parse_args(arguments)
    if args.list:
        print(listed_parts(PARTS))
        return 0
    return measure_parts(PARTS, args.parts, lambda: Packages(args.packages, fetch=not args.no_fetch))

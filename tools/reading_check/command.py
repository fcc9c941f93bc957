"""The command: measures how pictures are read, prints a table.

    python -m tools.reading_check [PART ...] [--packages FOLDER] [--no-fetch] [--list]

Exit status 1 when a goal is missed, 2 when something cannot be measured.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from lib_colorize.errors import ColorizeError
from tools.reading_check.findings import HEAD
from tools.reading_check.packages import Packages
from tools.reading_check.parts import PARTS, ReadingPart, chosen_parts

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
        print("\n".join(f"{part.name:<10} {part.title}" for part in PARTS.values()))
        return 0
    try:
        packages = Packages(args.packages, fetch=not args.no_fetch)
        print(HEAD, flush=True)
        return 0 if all([run(part, packages) for part in chosen_parts(args.parts)]) else 1
    except ColorizeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def run(part: ReadingPart, packages: Packages) -> bool:
    """One part, printed as it goes; whether every goal was met."""
    start, met = time.monotonic(), True
    for finding in importlib.import_module(part.module).run(packages):
        print(finding.row(), flush=True)
        met = met and finding.met
    print(f"| {part.name}: {part.title} | {time.monotonic() - start:.0f} s | | | |", flush=True)
    return met

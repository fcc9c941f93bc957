"""The command: measures what a finished picture is worth, prints a table.

    python -m tools.finishing_check [PART ...] [--data FOLDER] [--packages FOLDER] [--list]

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
from tools.finishing_check.parts import PARTS, FinishingPart, Sources, wanted_parts
from tools.reading_check.findings import HEAD

KEPT = Path("data") / "finishing"  # git does not look there
PACKAGES = Path("training") / "node_modules"


def parser() -> argparse.ArgumentParser:
    command = argparse.ArgumentParser(prog="python -m tools.finishing_check", description=__doc__,
                                      formatter_class=argparse.RawDescriptionHelpFormatter)
    command.add_argument("parts", nargs="*", metavar="PART", help="these alone; default: all")
    command.add_argument("--data", type=Path, default=KEPT, metavar="FOLDER",
                         help=f"where painted drawings are kept, made when missing; default: {KEPT.as_posix()}")
    command.add_argument("--packages", type=Path, default=PACKAGES, metavar="FOLDER",
                         help=f"of npm ci --prefix training; default: {PACKAGES.as_posix()}")
    command.add_argument("--list", action="store_true", help="print the parts and stop")
    return command


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status."""
    args = parser().parse_args(arguments)
    if args.list:
        print("\n".join(f"{part.name:<10} {part.title}" for part in PARTS.values()))
        return 0
    try:
        parts = wanted_parts(args.parts)
        print(HEAD, flush=True)
        return 0 if all([run(part, Sources(args.data, args.packages)) for part in parts]) else 1
    except ColorizeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def run(part: FinishingPart, sources: Sources) -> bool:
    """One part, printed as it goes; whether every goal was met."""
    start, met = time.monotonic(), True
    for finding in importlib.import_module(part.module).run(sources):
        print(finding.row(), flush=True)
        met = met and finding.met
    print(f"| {part.name}: {part.title} | {time.monotonic() - start:.0f} s | | | |", flush=True)
    return met

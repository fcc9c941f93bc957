"""The command: measures what a finished picture is worth, prints a table.

    python -m tools.finishing_check [PART ...] [--data FOLDER] [--packages FOLDER] [--list]

Exit status 1 when a goal is missed, 2 when something cannot be measured.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from lib_colorize.checkpoint.files import file_sha256
from lib_colorize.cli.loading import DEFAULT_CHECKPOINT
from tools.finishing_check.parts import PARTS, Sources
from tools.measured_parts import listed_parts, measure_parts

KEPT = Path("data") / "finishing"  # git does not look there
PACKAGES = Path("training") / "node_modules"


def parser() -> argparse.ArgumentParser:
    command = argparse.ArgumentParser(prog="python -m tools.finishing_check", description=__doc__,
                                      formatter_class=argparse.RawDescriptionHelpFormatter)
    command.add_argument("parts", nargs="*", metavar="PART", help="these alone; default: all")
    command.add_argument("--data", type=Path, metavar="FOLDER",
                         help="where painted drawings are kept, made when missing; default: a folder for each shipped "
                              f"model in {KEPT.as_posix()}")
    command.add_argument("--packages", type=Path, default=PACKAGES, metavar="FOLDER",
                         help=f"of npm ci --prefix training; default: {PACKAGES.as_posix()}")
    command.add_argument("--list", action="store_true", help="print the parts and stop")
    return command


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status."""
    args = parser().parse_args(arguments)
    if args.list:
        print(listed_parts(PARTS))
        return 0
    return measure_parts(PARTS, args.parts, lambda: Sources(args.data or kept_folder(), args.packages))


def kept_folder(checkpoint: Path = DEFAULT_CHECKPOINT) -> Path:
    """Where its paintings are kept; another model's are never measured as its own."""
    return KEPT / file_sha256(checkpoint)[:10] if checkpoint.is_file() else KEPT

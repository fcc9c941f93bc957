"""The command: checks a graphics card, prints a table, writes JSON.

    python -m tools.gpu_check [--out FILE.json] [--minutes 6] [--only steps,memory] [--list]
    python -m tools.gpu_check --operators      # without a card: operators of a step, one JSON line
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from lib_colorize.errors import ColorizeError
from lib_colorize.whole_file import ensure_folder, write_whole
from tools.gpu_check.findings import Outcome
from tools.gpu_check.parts import PARTS, parts_of
from tools.gpu_check.programme import run_parts
from tools.gpu_check.report import as_json, machine, machine_line, table

NO_CARD = ("no graphics card found by this torch ({torch}): nothing to check; on a machine with an NVIDIA card install "
           "a torch with CUDA, or try the programme without one by --device cpu --tiny")


def parser() -> argparse.ArgumentParser:
    command = argparse.ArgumentParser(prog="python -m tools.gpu_check", description=__doc__,
                                      formatter_class=argparse.RawDescriptionHelpFormatter)
    command.add_argument("--out", type=Path, metavar="FILE", help="write everything that was found there, as JSON")
    command.add_argument("--minutes", type=float, default=6.0,
                         help="in all, spent on the parts in the order of --list; default: 6")
    command.add_argument("--only", metavar="PART,...", help="these parts alone")
    command.add_argument("--list", action="store_true", help="print the parts and stop")
    command.add_argument("--operators", action="store_true",
                         help="count the operators of a step on the CPU, print one JSON line and stop")
    command.add_argument("--device", help="cuda, cuda:1, ...; cpu only with --tiny; default: cuda")
    command.add_argument("--tiny", action="store_true", help="tiny networks: tells whether everything runs, fast")
    return command


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 1 when something does not work, 2 when nothing could be checked."""
    args = parser().parse_args(arguments)
    try:
        if args.operators:
            from tools.gpu_check.operators import count_operators

            print(json.dumps(count_operators()))
            return 0
        if args.list:
            print("\n".join(f"{part.name:<18} {part.title}" for part in PARTS.values()))
            return 0
        return run(args)
    except ColorizeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def run(args: argparse.Namespace) -> int:
    """The parts, the table and the file."""
    parts, device = parts_of(args.only), chosen_device(args.device, args.tiny)
    if not args.minutes > 0:  # nan too
        raise ColorizeError(f"--minutes: found {args.minutes:g}, expected more than 0")
    if args.out is not None:
        ensure_folder(args.out.resolve().parent)
    outcomes: list[Outcome] = []
    for outcome in run_parts(parts, str(device), args.tiny, args.minutes, lambda line: print(line, file=sys.stderr)):
        outcomes.append(outcome)
        if outcome.state != "done":
            print(f"  {outcome.state}: {outcome.note}", file=sys.stderr)
        if args.out is not None:  # after each part: what is known is kept
            write_whole(args.out, as_json(machine(outcomes, args.tiny), outcomes))
    print(f"{machine_line(machine(outcomes, args.tiny))}\n\n{table(outcomes)}")
    return 1 if any(outcome.failed for outcome in outcomes) else 0


def chosen_device(name: str | None, tiny: bool) -> torch.device:
    """The card; ColorizeError where there is none, and for the released size on a CPU."""
    if name == "cpu" and tiny:
        return torch.device("cpu")
    if name == "cpu":
        raise ColorizeError("--device cpu: expected --tiny with it, for networks of the released size take hours there")
    if not torch.cuda.is_available():
        raise ColorizeError(NO_CARD.format(torch=torch.__version__))
    device = torch.device(name or "cuda") if re.fullmatch(r"cuda(:\d+)?", name or "cuda") else None
    if device is None or (device.index or 0) >= torch.cuda.device_count():
        raise ColorizeError(f"--device: found {name!r}, expected cuda or cuda:NUMBER, cards here: "
                            f"{torch.cuda.device_count()}")
    return device

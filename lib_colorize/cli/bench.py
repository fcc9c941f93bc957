"""The bench command: times of our step beside a plain one, in one run, with random weights (no download)."""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ColorizeError
from .file_options import file_name

if TYPE_CHECKING:
    from .bench_rounds import Seconds


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The options of `bench`."""
    command.add_argument("--network", choices=("released", "tiny"), default="released",
                         help="released: 865 M + 64 M parameters and ViT-H; default: released")
    command.add_argument("--pixels", type=int, default=256, help="side of the square picture; default: 256")
    command.add_argument("--repeats", type=int, default=5, help="interleaved, medians are printed; default: 5")
    command.add_argument("--threads", type=int, help="of torch; default: torch's own choice")
    command.add_argument("--no-reference-encoder", action="store_true", help="leave the time of the vision tower out")
    command.add_argument("--file", type=file_name, metavar="NEW.safetensors",
                         help="instead: write random weights there in the released layout (kept), load them, do one "
                              "step, and print times and peak memory")
    command.add_argument("--variant", choices=("v1", "v1.5", "v2"), default="v1",
                         help="of that file; v1.5 and v2 colour figure and background apart; default: v1")
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """bench."""
    import torch

    if args.pixels < 64 or args.pixels % 64:
        raise ColorizeError(f"pixels: found {args.pixels}, expected a multiple of 64")
    if args.file is not None and args.network != "released":
        raise ColorizeError("--file writes the released size only: a small file would need metadata to be understood")
    if args.repeats < 1 or (args.threads is not None and args.threads < 1):
        raise ColorizeError("repeats, threads: expected at least 1")
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    from .bench_file import peak_memory, released_file
    from .bench_rounds import measure_rounds
    from .random_networks import sizes

    config, vision = sizes(args.network)
    print(f"{args.network} size, {args.pixels} px, {torch.get_num_threads()} thread(s), torch {torch.__version__}")
    if args.file is not None:
        released_file(Path(args.file), config, vision, args.pixels, args.variant)
    else:
        print_times(measure_rounds(config, None if args.no_reference_encoder else vision, args.pixels, args.repeats))
        print(f"peak memory {peak_memory():.2f} GB")
    return 0


def print_times(found: dict[str, list[Seconds]]) -> None:
    """Medians, and the median of the ratios to the plain step of the same round, of wall and of processor time.

    On a busy machine only the processor time (of all threads together) tells something.
    """
    from .bench_rounds import PLAIN

    print(f"{'':<42}     wall              processor time")
    for name, seconds in found.items():
        columns = []
        for kind in ("wall", "cpu"):
            mine, plain = ([getattr(s, kind) for s in times] for times in (seconds, found[PLAIN]))
            ratio = statistics.median(a / b for a, b in zip(mine, plain))
            columns.append(f"{statistics.median(mine):8.3f} s {ratio:6.3f} x")
        print(f"{name:<42} {'  '.join(columns)}")

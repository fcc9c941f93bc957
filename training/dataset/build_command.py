"""Raw pictures to training shards: scan, filter, drop duplicates, draw lines, write, count.

    python -m training.build --source raw --out data/shards --extractor sketchkeras=model.pth --extractor \\
        anime2sketch=netG.pth [--tags tags.jsonl --where score>=10] [--engine ray]

The same command goes on where it was stopped, and takes in what was added to the source, changed or taken away since.
OUT/color, sketch (mask, tar) and index.jsonl are what training reads; OUT/statistics.json and OUT/statistics.png say
what is in them, OUT/skipped.jsonl what is not. Without OUT/work nothing can be added.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from lib_colorize.errors import ColorizeError
from training.dataset.build import build
from training.dataset.build_options import BuildOptions
from training.dataset.dedupe import MAX_BITS
from training.dataset.extractors import Choice
from training.dataset.inspection import Limits
from training.dataset.shards import FORMATS
from training.dataset.workers import ENGINES


def options_of(args: argparse.Namespace) -> BuildOptions:
    """The options that a command line asks for."""
    return BuildOptions(
        sources=tuple(map(str, args.source)), extractors=tuple(map(Choice.parse, args.extractor or ["lineart"])),
        limits=Limits(args.min_side, args.max_aspect, args.min_colour), tags=str(args.tags or ""),
        where=tuple(args.where), masks=str(args.masks or ""), max_bits=-1 if args.keep_duplicates else MAX_BITS,
        max_side=args.max_side, kind=args.format, shard=args.shard, tar=args.tar, seed=args.seed)


def parser() -> argparse.ArgumentParser:
    command = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    command.add_argument("--source", type=Path, action="append", required=True, help="folder; may be given again")
    command.add_argument("--out", type=Path, required=True)
    command.add_argument("--extractor", action="append", metavar="NAME[=WEIGHTS][:SHARE]",
                         help="lineart, edges, anime2sketch=netG.pth, sketchkeras=model.pth; several are mixed")
    command.add_argument("--min-side", type=int, default=Limits.min_side, help="px")
    command.add_argument("--max-aspect", type=float, default=Limits.max_aspect)
    command.add_argument("--min-colour", type=float, default=Limits.min_colour, help="mean saturation, 0 to 1")
    command.add_argument("--tags", type=Path, help="folder with index.jsonl: member, tags, score, ... of raw pictures")
    command.add_argument("--where", action="append", default=[], help="filter on the tags, such as score>=10")
    command.add_argument("--masks", type=Path, help="folder with masks under the pictures' names, white = figure")
    command.add_argument("--keep-duplicates", action="store_true")
    command.add_argument("--max-side", type=int, default=BuildOptions.max_side, help="px, of what is written")
    command.add_argument("--format", choices=sorted(FORMATS), default=BuildOptions.kind, help="of the pictures")
    command.add_argument("--shard", type=int, default=BuildOptions.shard, help="pictures in a zip")
    command.add_argument("--tar", action="store_true", help="webdataset tars too")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--engine", choices=ENGINES, default="local")
    command.add_argument("--workers", type=int, default=0, help="processes; 0: this one, or all that Ray has room for")
    command.add_argument("--gpus", type=float, default=0.0, help="GPUs of each Ray worker that draws lines")
    command.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    command.add_argument("--licence", default="", help="of what is trained on the pictures, for about.json")
    command.add_argument("--about", default="", help="what the pictures are, for about.json; default: --source's name")
    return command


def main(arguments: Sequence[str] | None = None) -> None:
    args = parser().parse_args(arguments)
    try:
        options = options_of(args)
        report = build(options, args.out, args.engine, args.workers, args.device, args.gpus,
                       about=options.about(args.licence, args.about))
    except (ColorizeError, OSError) as error:
        sys.exit(f"error: {error}")
    print(report)
    print(args.out / "statistics.png")

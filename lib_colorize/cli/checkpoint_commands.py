"""The inspect and convert commands: what a checkpoint file is, and the same one in another form."""

from __future__ import annotations

import argparse

from .file_options import file_name


def add_inspect(command: argparse.ArgumentParser) -> None:
    """The options of `inspect`."""
    command.add_argument("file", type=file_name, metavar="FILE")
    command.set_defaults(run=run_inspect)


def add_convert(command: argparse.ArgumentParser) -> None:
    """The options of `convert`."""
    command.add_argument("source", type=file_name, metavar="FILE")
    command.add_argument("target", type=file_name, metavar="OUT.safetensors")
    command.add_argument("--dtype", choices=("fp32", "fp16", "bf16"), help="of all weights; default: as they are")
    command.add_argument("--projections", choices=("conv", "linear"),
                         help="1x1 convolutions (released files) or linear layers (Stability's); default: as they are")
    command.add_argument("--prediction", choices=("eps", "v"), help="if the checkpoint does not say")
    command.add_argument("--force", action="store_true", help="write over a file that is there")
    command.set_defaults(run=run_convert)


def run_inspect(args: argparse.Namespace) -> int:
    """inspect."""
    from ..checkpoint import report

    print(report.describe_checkpoint(report.inspect(args.file)))
    return 0


def run_convert(args: argparse.Namespace) -> int:
    """convert."""
    from ..checkpoint.convert import convert
    from ..checkpoint.report import describe_checkpoint
    from ..method.schedule import Prediction

    prediction = None if args.prediction is None else Prediction(args.prediction)
    written = convert(args.source, args.target, args.dtype, args.projections, prediction, overwrite=args.force)
    print(describe_checkpoint(written))
    return 0

"""The colorize command: one sketch, or a folder of them, in the colours of one reference."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ColorizeError
from ..method.settings import Settings
from . import again
from .loading import checkpoint_of, load_engine
from .options import settings_of
from .progress import bar

if TYPE_CHECKING:
    from .file_job import FileJob, InputPicture


def run(args: argparse.Namespace) -> int:
    """colorize, for one sketch, a folder, or a picture to repeat."""
    if args.from_png is not None:
        return again.run(args)
    settings = settings_of(args)
    if len(args.inputs) != 2:
        raise ColorizeError(f"found {len(args.inputs)} pictures, expected SKETCH and REFERENCE")
    sketch, reference, output = (Path(name) for name in (*args.inputs, args.output))
    from .file_job import InputPicture, check_output

    colours = InputPicture.read(reference)
    if sketch.is_dir():
        return colour_folder_of(args, sketch, colours, settings, output)
    drawing = InputPicture.read(sketch)
    check_output(output, (sketch, reference))
    job = make_job(args, colours, settings)
    with bar(args.quiet, sketch.name) as progress:
        written = job.colour(drawing, output, progress)
    if not args.quiet:
        print("\n".join(map(str, written)) or f"{output}: finished before")
    return 0


def colour_folder_of(
    args: argparse.Namespace, sketches: Path, reference: InputPicture, settings: Settings, output: Path,
) -> int:
    """colorize, for a folder of sketches; 1 when some were passed over."""
    from .folder import colour_folder, planned_files

    files = planned_files(sketches, output)
    summary = colour_folder(make_job(args, reference, settings), files, lambda name: bar(args.quiet, name),
                            lambda line: print(line, file=sys.stderr))
    if not args.quiet:
        print(summary)
    return 1 if summary.failed else 0


def make_job(args: argparse.Namespace, reference: InputPicture, settings: Settings) -> FileJob:
    """The networks that the options name, with what all sketches of the call share. Everything else was checked."""
    from .file_job import FileJob

    engine = load_engine(checkpoint_of(args.checkpoint), args.reference_encoder, args.prediction, args.device,
                         args.dtype, args.one_by_one)
    return FileJob(engine, reference, settings, args.force)

"""The colorize command: one sketch, or a folder of them, in the colours of one reference."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..console import one_line
from ..errors import ColorizeError
from ..method.settings import Settings
from . import again, options
from .extra_options import extra_files, with_models
from .loading import checkpoint_of, load_engine
from .progress import bar

if TYPE_CHECKING:
    from .extra_files import ExtraFiles
    from .file_job import FileJob
    from .input_picture import InputPicture


def run(args: argparse.Namespace) -> int:
    """colorize, for one sketch, a folder, or a picture to repeat."""
    if args.from_png is not None:
        return again.run(args)
    settings = options.settings_of(args)
    if options.seed_is_drawn(args) and not args.quiet:
        print(f"seed {settings.seed}", file=sys.stderr)
    if len(args.inputs) != 2:
        raise ColorizeError(f"found {len(args.inputs)} pictures, expected SKETCH and REFERENCE")
    sketch, reference, output = (Path(name) for name in (*args.inputs, args.output))
    from .file_job import how_read
    from .input_picture import InputPicture
    from .output_paths import check_output, require_transparency

    colours, extras = InputPicture.read(reference), extra_files(args)
    if sketch.is_dir():
        return colour_folder_of(args, sketch, colours, settings, output, extras)
    if args.recursive or args.format:
        raise ColorizeError(f"{sketch}: a file; {'--recursive' if args.recursive else '--format'} is for a folder of "
                            "sketches (a file has the format of its name)")
    drawing = InputPicture.read(sketch)
    check_output(output, (sketch, reference, *extras.paths()), settings.batch, args.quality)
    require_transparency(output, settings)
    job = make_job(args, colours, settings, extras)
    with bar(args.quiet, sketch.name) as progress:
        written = job.colour(drawing, output, progress)
    if not args.quiet:
        tell(how_read(sketch, written))
        print("\n".join(one_line(str(path)) for path in written) or one_line(f"{output}: finished before"))
    return 0


def colour_folder_of(
    args: argparse.Namespace, sketches: Path, reference: InputPicture, settings: Settings, output: Path,
    extras: ExtraFiles,
) -> int:
    """colorize, for a folder of sketches; 1 when some were passed over."""
    from .folder import colour_folder, list_sketches, planned_files
    from .output_paths import identities, require_transparency
    from .result_file import check_format

    suffix = f".{args.format or 'png'}"
    check_format(output / f"a{suffix}", args.quality)
    require_transparency(output / f"a{suffix}", settings, f"--format {suffix[1:]}")
    found = list_sketches(sketches, output, args.recursive, [reference.path, *extras.paths()])
    files = planned_files(found, output, suffix, settings.batch)
    job = replace(make_job(args, reference, settings, extras), kept=identities(files))

    note: Callable[[str], object] = str if args.quiet else tell
    for line in found.notes():
        note(line)
    for refused in found.closed:
        tell(f"passed over: {refused}")
    summary = colour_folder(job, files, lambda name: bar(args.quiet, name), tell, note)
    summary.failed |= {Path(str(refused)): str(refused) for refused in found.closed}
    if not args.quiet:
        print(summary)
    return 1 if summary.failed else 0


def make_job(args: argparse.Namespace, reference: InputPicture, settings: Settings, extras: ExtraFiles) -> FileJob:
    """The networks that the options name, with what all sketches of the call share. Everything else was checked."""
    from .file_job import FileJob

    engine = load_engine(checkpoint_of(args.checkpoint), args.reference_encoder, args.prediction, args.device,
                         args.dtype, args.one_by_one, args.text_encoder)
    return FileJob(engine, reference, settings, args.force, with_models(extras, engine, settings), args.quality,
                   any_seed=options.seed_is_drawn(args))


def tell(line: str) -> None:
    """One line on stderr, if there is one."""
    if line:
        print(one_line(line), file=sys.stderr)

"""The colorize command: a sketch in the colours of a reference, or a folder of sketches (`colorize_folder`)."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..console import one_line
from ..errors import ColorizeError
from . import again, options
from .extra_options import check_hints, extra_files
from .file_options import FOR_FOLDERS
from .job_options import make_job
from .progress import bar, tell


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
    from .layers_output import LayersOutput
    from .output_paths import check_output, identities, require_transparency

    extras = extra_files(args, ("hints",) if sketch.is_dir() else ())
    if sketch.is_dir():
        from .colorize_folder import colour_folder_of

        return colour_folder_of(args, sketch, reference, settings, output, extras)
    for name, option in FOR_FOLDERS.items():
        if getattr(args, name):
            more = " (a file has the format of its name)" if name == "format" else ""
            raise ColorizeError(f"{sketch}: a file; {option} is for a folder of sketches{more}")
    colours, drawing = InputPicture.read(reference), InputPicture.read(sketch)
    inputs = (sketch, reference, *extras.paths())
    check_output(output, inputs, settings.batch, args.quality)
    require_transparency(output, settings)
    layers = LayersOutput.named(args)
    if layers is not None:
        layers.check(output, settings.batch, identities(inputs), drawing.image.size)
    check_hints(extras, drawing, settings)
    job = make_job(args, colours, settings, extras, layers)
    with bar(args.quiet, sketch.name) as progress:
        written = job.colour(drawing, output, progress)
    if not args.quiet:
        tell(how_read(sketch, written))
        print("\n".join(one_line(str(path)) for path in written) or one_line(f"{output}: finished before"))
    return 0

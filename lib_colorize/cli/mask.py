"""The mask command: which mask would be used of a picture, as a picture, and where it came from."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..console import one_line
from .file_options import file_name
from .options import add_reading_options, settings_of


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The options of `mask`."""
    command.add_argument("picture", type=file_name, metavar="PICTURE", help="a sketch, or with --reference a reference")
    command.add_argument("-o", "--output", required=True, type=file_name, metavar="MASK.png", help="white = figure")
    command.add_argument("--reference", action="store_true", help="PICTURE is a reference: it has colours, no outlines")
    add_reading_options(command)
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """mask."""
    from ..pictures.masks import reference_mask, said, sketch_mask
    from ..pictures.picture_files import open_image
    from .output_paths import check_output
    from .png_output import require_png, write_png

    settings = settings_of(args)
    picture, output = Path(args.picture), Path(args.output)
    require_png(output)
    check_output(output, (picture,))
    image = open_image(picture)
    found = reference_mask(image) if args.reference else sketch_mask(image, None, settings)
    write_png(found.image, output)
    print(one_line(f"{output}: {said(found, 'reference' if args.reference else 'sketch')}"))
    return 0

"""The preview command: what the sketch encoder is shown of a sketch, as a picture, and how the sketch was read."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..console import one_line
from ..errors import ColorizeError
from .file_options import file_name
from .loading import DEFAULT_CHECKPOINT, checkpoint_of
from .options import add_reading_options, settings_of

MOST_PIXELS = 2048


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The options of `preview`."""
    command.add_argument("sketch", type=file_name, metavar="SKETCH")
    command.add_argument("-o", "--output", required=True, type=file_name, metavar="OUT.png",
                         help="black lines on white")
    command.add_argument("--pixels", type=int, metavar="N",
                         help="work at an area of N x N pixels; default: the checkpoint's own")
    command.add_argument("--checkpoint", type=file_name, metavar="FILE",
                         help=f"default: the shipped {DEFAULT_CHECKPOINT.name}")
    add_reading_options(command)
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """preview."""
    from ..checkpoint.read import read
    from ..pictures.eight_bits import size_that_came
    from ..pictures.opened_page import open_page
    from ..pictures.picture_files import MIN_SIDE, open_image
    from ..pictures.preview import shown_page
    from ..pictures.reading import told_of_sketch
    from .output_paths import check_output
    from .png_output import require_png, write_png

    settings = settings_of(args)
    sketch, output = Path(args.sketch), Path(args.output)
    if args.pixels is not None and not MIN_SIDE <= args.pixels <= MOST_PIXELS:
        raise ColorizeError(f"pixels: found {args.pixels}, expected {MIN_SIDE} to {MOST_PIXELS}")
    image = open_image(sketch)
    require_png(output)
    check_output(output, (sketch,))
    card = read(checkpoint_of(args.checkpoint), ()).card
    page = open_page(image, settings)
    seen = shown_page(page, settings, args.pixels or card.resolution, card.multiple, card.square)
    write_png(seen, output)
    width, height = size_that_came(image)
    print(one_line(f"{output}: {seen.width}x{seen.height} of {width}x{height} pixels; "
                   f"{told_of_sketch(page.sketch, settings, page.told)}"))
    return 0

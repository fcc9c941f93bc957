"""The touch-up command: areas of a finished picture put right by strokes of colour or a palette, without a model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..console import one_line
from ..errors import ColorizeError
from .file_options import file_name
from .layers import FINISH_FIELDS, add_picture_arguments
from .options import add_reading_options

if TYPE_CHECKING:
    from ..finishing.finished import Finished

PAGE_CHANGED = ", the page around the drawing among them: if it was not meant, close wider holes in lines by --gap"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The options of `touch-up`."""
    add_picture_arguments(command)
    command.add_argument("-o", "--output", required=True, type=file_name, metavar="OUT.png",
                         help="of the sketch's own size")
    command.add_argument("--hints", type=file_name, metavar="PICTURE",
                         help="strokes or dots over the sketch, on transparency or on a copy of it: each sets the "
                              "colour of its area")
    command.add_argument("--palette", type=file_name, metavar="FILE",
                         help="colours that areas are drawn to: .gpl, .ase, .aco or a picture")
    command.add_argument("--force", action="store_true", help="write over what is there")
    add_reading_options(command, *FINISH_FIELDS, "palette_limit")
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """touch-up."""
    from ..finishing.palettes import in_numbers, read_palette
    from ..finishing.touch_up import touched_up
    from ..pictures.picture_files import open_image
    from .coloured_pair import ColouredPair
    from .output_paths import check_output, outputs_clear
    from .png_output import require_png, write_png

    output = Path(args.output)
    named = (args.sketch, args.coloured, args.hints, args.palette, args.sketch_mask)
    inputs = [Path(name) for name in named if name is not None]
    require_png(output)
    if args.hints is None and args.palette is None:
        raise ColorizeError("nothing to do: give --hints PICTURE, --palette FILE, or both")
    check_output(output, inputs)
    outputs_clear([output], args.force)
    pair = ColouredPair.read(args)
    hints = None if args.hints is None else pair.page.drawn_over(open_image(Path(args.hints)), "the picture of hints")
    palette = () if args.palette is None else in_numbers(read_palette(Path(args.palette)))
    divided = pair.divided()
    finished = pair.finished(divided)
    touched, areas = touched_up(finished, divided.drawing, hints, palette, pair.settings.palette_limit,
                                pair.page.sketch)
    whole = not palette and page_changed(finished, touched)
    write_png(touched.picture(), output)
    height, width = finished.labels.shape
    print(one_line(f"{output}: {width}x{height}, {areas} of {int(finished.labels.max())} areas changed"
                   + (PAGE_CHANGED if whole else "")))
    return 0


def page_changed(before: Finished, after: Finished) -> bool:
    """Whether the area of a corner of the picture has another colour: seldom meant, and the sign of an open outline."""
    corners = np.ix_((0, -1), (0, -1))
    return bool((before.colours[corners] != after.colours[corners]).any())

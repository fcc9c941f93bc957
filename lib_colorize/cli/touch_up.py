"""The touch-up command: areas of a finished picture put right by strokes of colour or a palette, without a model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..console import one_line
from ..errors import ColorizeError
from .file_options import file_name
from .layers import add_finish_options, add_picture_arguments, gap_of
from .options import add_reading_options, settings_of

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
    command.add_argument("--palette-limit", type=float, default=100.0, metavar="CIEDE2000",
                         help="an area whose nearest colour is farther keeps its own; default: 100, none")
    add_finish_options(command)
    command.add_argument("--force", action="store_true", help="write over what is there")
    add_reading_options(command)
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """touch-up."""
    from ..finishing.divided import finish
    from ..finishing.drawing import drawing_on_white, page_under
    from ..finishing.palettes import read_palette
    from ..finishing.touch_up import touched_up
    from ..pictures.picture_files import open_image
    from .output_paths import check_output, outputs_clear
    from .png_output import require_png, write_png

    output = Path(args.output)
    inputs = [Path(name) for name in (args.sketch, args.coloured, args.hints, args.palette) if name is not None]
    require_png(output)
    if args.hints is None and args.palette is None:
        raise ColorizeError("nothing to do: give --hints PICTURE, --palette FILE, or both")
    if not 0 <= args.palette_limit <= 100:
        raise ColorizeError(f"palette limit: found {args.palette_limit:g}, expected 0 to 100 CIEDE2000")
    check_output(output, inputs)
    outputs_clear([output], args.force)
    settings, coloured = settings_of(args), open_image(Path(args.coloured))
    page = page_under(open_image(Path(args.sketch)), coloured, settings)
    drawing = drawing_on_white(page.sketch, settings)
    finished = finish(drawing, coloured, gap_of(args.gap))
    hints = None if args.hints is None else open_image(Path(args.hints))
    if hints is not None and hints.size == page.came:  # drawn over the photo
        hints = page.follow(hints, "the picture of hints")
    palette = None if args.palette is None else read_palette(Path(args.palette))
    touched, areas = touched_up(finished, drawing, hints, palette, args.palette_limit)
    whole = palette is None and page_changed(finished, touched)
    write_png(touched.picture(), output)
    print(one_line(f"{output}: {drawing.shape[1]}x{drawing.shape[0]}, {areas} of {int(finished.labels.max())} areas "
                   "changed" + (PAGE_CHANGED if whole else "")))
    return 0


def page_changed(before: Finished, after: Finished) -> bool:
    """Whether the area of a corner of the picture has another colour: seldom meant, and the sign of an open outline."""
    corners = np.ix_((0, -1), (0, -1))
    return bool((before.colours[corners] != after.colours[corners]).any())

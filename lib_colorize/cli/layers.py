"""The layers command: a sketch and any coloured picture of it -> PSD, OpenRaster or a folder of layers."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..console import one_line
from ..errors import ColorizeError
from .file_options import file_name
from .options import add_reading_options, settings_of

LAYER_HELP = "lines, light, shade, flats, colour"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The options of `layers`."""
    add_picture_arguments(command)
    command.add_argument("-o", "--output", required=True, type=file_name, metavar="OUT",
                         help="a name that ends in .psd or .ora, or a folder")
    add_finish_options(command)
    command.add_argument("--names", metavar="NAMES", help=f"five names in place of \"{LAYER_HELP}\", commas between")
    command.add_argument("--force", action="store_true", help="write over what is there")
    add_reading_options(command)
    command.set_defaults(run=run)


def add_picture_arguments(command: argparse.ArgumentParser) -> None:
    """The two pictures of `layers` and `touch-up`."""
    command.add_argument("sketch", type=file_name, metavar="SKETCH")
    command.add_argument("coloured", type=file_name, metavar="COLOURED",
                         help="a picture of the sketch, of any size and from any program")


def add_finish_options(command: argparse.ArgumentParser) -> None:
    """What `layers` and `touch-up` share."""
    command.add_argument("--gap", type=float, default=3.0, metavar="PERCENT",
                         help="holes in lines up to so wide count as closed; of the longer side, 0 to 10; default: 3")


def run(args: argparse.Namespace) -> int:
    """layers."""
    from ..finishing.divided import finish
    from ..finishing.drawing import drawing_on_white, page_under
    from ..finishing.layer_files import check_layers_path, write_layers
    from ..pictures.picture_files import open_image

    output, settings = Path(args.output), settings_of(args)
    names = layer_names(args.names)
    gap = gap_of(args.gap)
    check_layers_path(output, args.force)
    coloured = open_image(Path(args.coloured))
    drawing = drawing_on_white(page_under(open_image(Path(args.sketch)), coloured, settings).sketch, settings)
    finished = finish(drawing, coloured, gap)
    found = finished.layers(names)
    write_layers(found, output)
    print(one_line(f"{output}: {drawing.shape[1]}x{drawing.shape[0]}, {int(finished.labels.max())} areas, layers "
                   f"{', '.join(layer.name for layer in reversed(found))}"))
    return 0


def gap_of(percent: float) -> float:
    """As a part of the longer side."""
    if not 0 <= percent <= 10:
        raise ColorizeError(f"gap: found {percent:g}, expected 0 to 10 percent of the longer side")
    return percent / 100


def layer_names(text: str | None) -> tuple[str, ...]:
    """Names from the top; ColorizeError for another number of them, or for two that are the same."""
    from ..finishing.layers import NAMES

    if text is None:
        return NAMES
    names = tuple(name.strip() for name in text.split(","))
    if len(names) != len(NAMES) or len(set(names)) != len(names) or not all(names):
        raise ColorizeError(f"names: found {text!r}, expected {len(NAMES)} different names, commas between, for "
                            f"{', '.join(NAMES)}")
    return names

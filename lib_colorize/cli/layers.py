"""The layers command: a sketch and any coloured picture of it -> PSD, OpenRaster or a folder of layers."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..console import one_line
from ..errors import ColorizeError
from .file_options import file_name
from .options import add_reading_options

FINISH_FIELDS = ("gap", "backdrop", "backdrop_colour")  # settings of `layers` and `touch-up`
LAYER_HELP = "lines, light, shade, flats, colour"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The options of `layers`."""
    add_picture_arguments(command)
    command.add_argument("-o", "--output", required=True, type=file_name, metavar="OUT",
                         help="a name that ends in .psd or .ora, or a folder")
    command.add_argument("--names", metavar="NAMES", help=f"five names in place of \"{LAYER_HELP}\", commas between")
    command.add_argument("--force", action="store_true", help="write over what is there")
    add_reading_options(command, *FINISH_FIELDS)
    command.set_defaults(run=run)


def add_picture_arguments(command: argparse.ArgumentParser) -> None:
    """The two pictures of `layers` and `touch-up`."""
    command.add_argument("sketch", type=file_name, metavar="SKETCH")
    command.add_argument("coloured", type=file_name, metavar="COLOURED",
                         help="a picture of the sketch, of any size and from any program")
    command.add_argument("--sketch-mask", type=file_name, metavar="FILE",
                         help="with --backdrop: white = figure, of the sketch's shape; default: told")


def run(args: argparse.Namespace) -> int:
    """layers."""
    from ..finishing.layer_files import check_layers_path, write_layers
    from .coloured_pair import ColouredPair
    from .output_paths import identities, require_no_input_in

    output = Path(args.output)
    names = layer_names(args.names)
    check_layers_path(output, args.force)
    inputs = [Path(name) for name in (args.sketch, args.coloured, args.sketch_mask) if name is not None]
    require_no_input_in(output, identities(inputs))
    finished = ColouredPair.read(args).finished()
    found = finished.layers(names)
    write_layers(found, output)
    height, width = finished.labels.shape
    print(one_line(f"{output}: {width}x{height}, {int(finished.labels.max())} areas, layers "
                   f"{', '.join(layer.name for layer in reversed(found))}"))
    return 0


def layer_names(text: str | None) -> tuple[str, ...]:
    """Names from the top; ColorizeError for another number of them, or for two that are the same."""
    from ..finishing.layers import NAMES, are_names

    if text is None:
        return NAMES
    names = tuple(name.strip() for name in text.split(","))
    if not are_names(names):
        raise ColorizeError(f"names: found {text!r}, expected {len(NAMES)} different names, commas between, for "
                            f"{', '.join(NAMES)}")
    return names

"""The door of the command line: which commands there are, and what becomes of an error (one line, exit code 2)."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from typing import NoReturn

from ..console import one_line, take_any_text
from ..errors import ColorizeError
from . import bench, checkpoint_commands, colorize, demo, heatmap, layers, mask, options, preview, touch_up

EXIT_CODES = "exit codes: 0 done, 1 some files of a folder passed over, 2 bad input, 130 interrupted"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code (EXIT_CODES)."""
    take_any_text()
    try:
        args = parser().parse_args(argv)
        with warnings.catch_warnings():
            if not sys.warnoptions:  # of the libraries beneath; python -W brings them back
                warnings.simplefilter("ignore")
            return int(args.run(args))
    except ColorizeError as error:
        print(one_line(f"error: {error}"), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # ... | head
        sys.stderr.close()
        return 0
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and "memory" not in str(error).lower():
            raise
        print("error: not enough memory; use a smaller --size, or --dtype float16 on a GPU", file=sys.stderr)
        return 2


class Parser(argparse.ArgumentParser):
    """argparse, but a wrong argument is one line too."""

    def error(self, message: str) -> NoReturn:
        raise ColorizeError(f"{message} (see {self.prog} --help)")


def parser() -> Parser:
    """All commands and their options; `run` of what it parses is the function to call."""
    top = Parser("lib_colorize", description="Colour line art like a reference picture.", epilog=EXIT_CODES)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    painting = commands.add_parser("colorize", help="colour a sketch, or a folder of sketches", epilog=EXIT_CODES)
    options.add_setting_options(painting)
    painting.set_defaults(run=colorize.run)
    mask.add_arguments(commands.add_parser("mask", help="show which figure is taken out of a picture"))
    preview.add_arguments(commands.add_parser("preview", help="show what the model sees of a sketch"))
    heatmap.add_arguments(commands.add_parser("heatmap", help="show what a text finds in a reference"))
    layers.add_arguments(commands.add_parser("layers", help="take a coloured picture apart, as PSD, ORA or PNGs"))
    touch_up.add_arguments(commands.add_parser("touch-up", help="put areas right, by colour hints or a palette"))
    checkpoint_commands.add_inspect(commands.add_parser("inspect", help="tell what a checkpoint file is"))
    checkpoint_commands.add_convert(commands.add_parser(
        "convert", help="write a checkpoint in another form, metadata kept"))
    demo.add_arguments(commands.add_parser("demo", help="colour the example sketches"))
    bench.add_arguments(commands.add_parser("bench", help="time our sampling step beside a plain one"))
    return top

"""The options that name further pictures: masks, a background, more references, each with its weight and region."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ColorizeError
from ..pictures.extras import LAST, MAX_REFERENCES
from .file_options import file_name

if TYPE_CHECKING:
    from ..engine.engine import Engine
    from ..method.settings import Settings
    from .extra_files import ExtraFiles
    from .input_picture import InputPicture

SINGLE = ("sketch_mask", "reference_mask", "background", "hints", "palette", *LAST)


def add_extra_options(command: argparse.ArgumentParser) -> None:
    """All of them, in a group of their own."""
    group = command.add_argument_group("further pictures")
    group.add_argument("--sketch-mask", type=file_name, metavar="FILE",
                       help="white = figure, of the sketch's shape; default: its own transparency, else told")
    group.add_argument("--reference-mask", type=file_name, metavar="FILE",
                       help="white = figure, of the reference's shape; default: its own transparency, else told")
    group.add_argument("--background", type=file_name, metavar="FILE", help="a picture of what is to be behind")
    group.add_argument("--hints", type=file_name, metavar="FILE",
                       help="strokes or dots over the sketch, on transparency or on a copy of it: each sets the colour "
                            "of its area")
    group.add_argument("--palette", type=file_name, metavar="FILE",
                       help="colours that areas are drawn to: .gpl, .ase, .aco or a picture")
    group.add_argument("--follow", type=up_to_one, metavar="0..1",
                       help="a frame begins from the last one's colours, carried along by the lines: 0 = not, 1 = as "
                            "far as can be; in a folder each file from the one before")
    group.add_argument("--last-sketch", type=file_name, metavar="FILE", help="the frame before the (first) sketch")
    group.add_argument("--last-coloured", type=file_name, metavar="FILE", help="the picture that was made of it")
    group.add_argument("--also", type=file_name, metavar="FILE", action=OfAReference, dest="references",
                       help=f"one reference more, up to {MAX_REFERENCES} in all")
    group.add_argument("--weight", type=weight, metavar="W", action=OfAReference, dest="references",
                       help="of the reference named last, REFERENCE itself before any --also; default: 1")
    group.add_argument("--region", type=file_name, metavar="FILE", action=OfAReference, dest="references",
                       help="white = where that reference acts, of the sketch's shape; default: everywhere")


class OfAReference(argparse.Action):
    """Collects what is said of each reference: a list of {"also" | "weight" | "region": value}, REFERENCE's first."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any,
                 option: str | None = None) -> None:
        said = [dict(each) for each in getattr(namespace, self.dest) or [{}]]
        name = str(option).lstrip("-")
        if name == "also":
            said.append({})
        if name in said[-1]:
            parser.error(f"{option} {values}: found two for one reference, expected one")
        said[-1][name] = values
        setattr(namespace, self.dest, said)


def weight(text: str) -> float:
    """A number from 0 on; how large it may be says `Extras`."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a number from 0 on")
    return number


def up_to_one(text: str) -> float:
    """A number from 0 to 1."""
    number = weight(text)
    if number > 1:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a number from 0 to 1")
    return number


def given_pictures(args: argparse.Namespace) -> tuple[dict[str, str], dict[str, float]]:
    """File names and weights by their names in a record; ColorizeError for too many references."""
    files = {name: str(getattr(args, name)) for name in SINGLE if getattr(args, name) is not None}
    weights: dict[str, float] = {}
    references: Sequence[dict[str, Any]] = args.references or ()
    if len(references) > MAX_REFERENCES:
        raise ColorizeError(f"found {len(references)} references, expected at most {MAX_REFERENCES}; leave out an "
                            "--also")
    for i, said in enumerate(references):
        name = "reference" if i == 0 else f"reference_{i + 1}"
        files |= {key: said[of] for key, of in ((name, "also"), (f"{name}_region", "region")) if of in said}
        weights |= {name: said["weight"]} if "weight" in said else {}
    if args.follow is not None and any(name in files for name in LAST):
        weights[LAST[1]] = args.follow
    return files, weights


def extra_files(args: argparse.Namespace, without: Sequence[str] = ()) -> ExtraFiles:
    """The further pictures of a call, each read once; ColorizeError for one that is no picture.

    without: names of those that are read elsewhere.
    """
    from .extra_files import ExtraFiles

    files, weights = given_pictures(args)
    require_frames(args, any(name in files for name in LAST))
    found = ExtraFiles.read({name: Path(file) for name, file in files.items() if name not in without}, weights)
    found.extras()  # what cannot be is told before anything is loaded
    return found


def require_frames(args: argparse.Namespace, last: bool) -> None:
    """ColorizeError for what cannot be followed. last: whether a last frame is named."""
    if last and args.follow is None:
        raise ColorizeError("--last-sketch and --last-coloured are for --follow 0..1; say how far, or leave them out")
    if args.follow is not None and not last and not Path(args.inputs[0]).is_dir():
        raise ColorizeError("--follow: a single sketch follows --last-sketch and --last-coloured; name them, or a "
                            "folder of sketches")
    if args.follow and args.batch is not None and float(args.batch) > 1:
        raise ColorizeError("--follow: each frame begins from one picture; leave out --batch")


def with_models(extras: ExtraFiles, engine: Engine, settings: Settings) -> ExtraFiles:
    """With the files of models that a picture of these settings follows from too."""
    texts = engine.files.text_encoder if settings.changes() and engine.files is not None else None
    return extras if texts is None else replace(extras, models={"text_encoder": texts})


def check_hints(extras: ExtraFiles, sketch: InputPicture, settings: Settings) -> None:
    """ColorizeError for hints that do not fit the sketch, told before networks are read."""
    from ..finishing.result import Finishing
    from ..pictures.opened_page import open_page

    found = extras.extras()
    if found.hints is not None:
        Finishing(open_page(sketch.image, settings), settings, found)

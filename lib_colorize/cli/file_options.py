"""The options of `colorize` that name files, models and machines, and what is done with the files."""

from __future__ import annotations

import argparse
from pathlib import Path

from .loading import DEFAULT_CHECKPOINT

FOR_FOLDERS = {"recursive": "--recursive", "format": "--format", "own_references": "--references",
               "report": "--report", "contact_sheet": "--contact-sheet"}  # options by their names in the arguments


def add_file_options(command: argparse.ArgumentParser) -> None:
    """All but the settings."""
    command.add_argument("inputs", nargs="*", type=file_name, metavar="SKETCH REFERENCE",
                         help="two picture files; SKETCH may be a folder: all pictures in it take the one reference, "
                              "or each the one of its name, where REFERENCE is a folder too")
    command.add_argument("-o", "--output", required=True, type=file_name, metavar="FILE",
                         help="picture to write (.png, .webp, .jpg); for a folder, an existing folder")
    command.add_argument("--layers", type=file_name, metavar="OUT",
                         help="lines, light, shade, flats and colour too, at the sketch's own size: a name that ends "
                              "in .psd or .ora, or a folder; for a folder of sketches psd, ora or png, beside each "
                              "picture")
    command.add_argument("--layer-names", metavar="NAMES", help="five names in place of these, commas between")
    command.add_argument("--from-png", type=file_name, metavar="FILE",
                         help="make a picture of this program again, bit for bit; name SKETCH REFERENCE if they moved")
    command.add_argument("--checkpoint", type=file_name, metavar="FILE",
                         help=f"default: the shipped {DEFAULT_CHECKPOINT.name}")
    command.add_argument("--reference-encoder", type=file_name, metavar="FILE",
                         help="CLIP vision tower, if not inside the checkpoint")
    command.add_argument("--text-encoder", type=file_name, metavar="FILE",
                         help="CLIP's text half, for changes by text; default: found in the reference encoder's file "
                              "or beside it")
    command.add_argument("--prediction", choices=("eps", "v"), help="if the checkpoint does not say; default: probed")
    command.add_argument("--device", type=filled, help="cpu, cuda, cuda:1, ...; default: cuda if there is one")
    command.add_argument("--dtype", choices=("float32", "float16", "bfloat16"), help="default: float32; cuda: float16")
    command.add_argument("--one-by-one", action="store_true",
                         help="on a GPU, the pictures of a batch one after the other: bit for bit as made alone")
    command.add_argument("--recursive", action="store_true", help="of a folder, its subfolders too, mirrored")
    command.add_argument("--references", type=file_name, metavar="FOLDER", dest="own_references",
                         help="of a folder: sketches take the picture of their name in it, REFERENCE is for the rest")
    command.add_argument("--report", type=file_name, metavar="FILE.csv", help="of a folder: what became of each file")
    command.add_argument("--contact-sheet", type=file_name, metavar="FILE.png",
                         help="of a folder: each sketch beside its picture, on pages (FILE-2.png, ...)")
    command.add_argument("--format", choices=("png", "webp", "jpg"), help="of the pictures of a folder; default: png")
    command.add_argument("--quality", type=quality, metavar="1..100",
                         help="of a .jpg (default: 95) or .webp (default: without loss)")
    command.add_argument("--force", action="store_true", help="write over other pictures of that name")
    command.add_argument("--quiet", action="store_true", help="no progress bar, only errors")


def file_name(text: str) -> str:
    """A name that is typed; an empty one is a variable that was not set, and would mean this folder."""
    if not text.strip():
        raise argparse.ArgumentTypeError(f"found an empty name ({text!r}), expected that of a file")
    return text


def file_path(text: str) -> Path:
    """The same, as a path."""
    return Path(file_name(text))


def filled(text: str) -> str:
    """A word that is typed."""
    if not text.strip():
        raise argparse.ArgumentTypeError("found nothing, expected a name")
    return text


def quality(text: str) -> int:
    """1 to 100."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 100):
        raise argparse.ArgumentTypeError(f"found {text!r}, expected 1 to 100")
    return int(text)

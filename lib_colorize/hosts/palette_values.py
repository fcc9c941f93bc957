"""A palette as hosts hand it over (a file's bytes, base64, a data URL, a path, a list of colours) -> its colours."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from ..errors import ColorizeError, shortened
from ..finishing.palettes import MOST, in_numbers, palette_of_bytes
from ..pictures.extras import Palette
from .host import Host
from .pictures import decode_file

COLOUR = re.compile(r"#[0-9a-fA-F]{6}", re.ASCII)
WHAT = "the palette"


def decode_palette(host: Host, value: Any) -> Palette:
    """sRGB, each colour once; () for none. ColorizeError when it is no palette."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return ()
    if isinstance(value, list):
        return _listed(value)
    if isinstance(value, str) and value.lstrip().startswith("#"):
        return _listed(value.replace(",", " ").split())
    if not isinstance(value, (bytes, str)):
        raise ColorizeError(f"{WHAT}: found {type(value).__name__}, expected a file as base64 text, or a list of "
                            "colours such as \"#c03020\"")
    data = value if isinstance(value, bytes) else decode_file(value.strip(), WHAT, host.picture_folders())
    return in_numbers(palette_of_bytes(data, WHAT))


def read_colour(value: Any, what: str) -> tuple[int, int, int]:
    """sRGB of "#rrggbb"."""
    if not isinstance(value, str) or not COLOUR.fullmatch(value.strip()):
        raise ColorizeError(f"{what}: found {shortened(value)}, expected a colour such as \"#c03020\"")
    red, green, blue = bytes.fromhex(value.strip()[1:])
    return red, green, blue


def palette_hash(palette: Palette) -> str:
    """Ten hexadecimal digits of which colours it has, in whatever order and file."""
    return hashlib.sha256(bytes(value for colour in sorted(set(palette)) for value in colour)).hexdigest()[:10]


def _listed(colours: list[Any]) -> Palette:
    if not 1 <= len(colours) <= MOST:
        raise ColorizeError(f"{WHAT}: holds {len(colours)} colours, expected 1 to {MOST}")
    return tuple(dict.fromkeys(read_colour(colour, WHAT) for colour in colours))

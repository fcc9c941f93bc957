"""Palette files: GIMP (.gpl), Adobe Swatch Exchange (.ase), Adobe colour swatches (.aco), or a picture of colours."""

from __future__ import annotations

import codecs
import colorsys
import struct
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import ColorizeError
from ..pictures.colour_spaces import srgb_of_lab
from ..pictures.extras import Palette
from ..pictures.picture_files import open_image

OF_A_PICTURE = 32  # colours at most that are taken from a picture with more
MOST = 4096
OPAQUE = 128  # alpha, from which on a pixel of a picture is seen


def read_palette(path: Path) -> np.ndarray:
    """[n, 3] uint8 sRGB, n >= 1, each colour once. ColorizeError for a file that is none of these, or is damaged."""
    reader = {".gpl": _gimp, ".ase": _swatch_exchange, ".aco": _swatches}.get(path.suffix.lower())
    if reader is None:
        return _checked(lambda: _of_picture(open_image(path)), str(path))
    return _checked(lambda: reader(path.read_bytes()), str(path))


def palette_of_bytes(data: bytes, what: str) -> np.ndarray:
    """The same of a file's bytes, their kind told by how they begin; what: its name in errors."""
    heads = {b"GIMP Palette": _gimp, b"ASEF": _swatch_exchange, b"\0\1": _swatches, b"\0\2": _swatches}
    start = data.removeprefix(codecs.BOM_UTF8)
    reader = next((found for head, found in heads.items() if start.startswith(head)), None)
    if reader is not None:
        return _checked(lambda: reader(data), what)
    try:
        picture = open_image(data)
    except ColorizeError as error:
        reason = str(error).removeprefix("the picture: ")
        raise ColorizeError(f"{what}: neither a palette (.gpl of GIMP, .ase or .aco of Adobe) nor a picture of colours "
                            f"({reason})") from None
    return _checked(lambda: _of_picture(picture), what)


def _checked(read: Callable[[], Iterable[tuple[float, float, float]]], what: str) -> np.ndarray:
    """The colours that are read, each once; ColorizeError where they are none, or too many."""
    try:
        colours = list(read())
    except FileNotFoundError:
        raise ColorizeError(f"{what}: no such file") from None
    except OSError as error:
        raise ColorizeError(f"{what}: cannot be read ({error.strerror or error})") from None
    except (ValueError, IndexError, struct.error, KeyError):
        raise ColorizeError(f"{what}: damaged or something else, expected a palette (.gpl of GIMP, .ase or .aco of "
                            "Adobe, or a picture)") from None
    found = np.unique(np.asarray(colours, dtype=np.float64).reshape(-1, 3).round().clip(0, 255), axis=0)
    if not 1 <= len(found) <= MOST:
        raise ColorizeError(f"{what}: holds {len(found)} colours, expected 1 to {MOST}")
    return found.astype(np.uint8)


def in_numbers(colours: np.ndarray) -> Palette:
    """[n, 3] uint8 as plain numbers, as `Extras` holds them."""
    return tuple((red, green, blue) for red, green, blue in colours.tolist())


def _gimp(data: bytes) -> Iterator[tuple[float, float, float]]:
    lines = data.decode("utf-8-sig", "replace").splitlines()
    if not lines or lines[0].strip() != "GIMP Palette":
        raise ValueError
    for line in lines[1:]:
        words = line.split()
        if words and not line.startswith(("#", "Name:", "Columns:")):
            red, green, blue = (int(word) for word in words[:3])
            yield red, green, blue


def _swatch_exchange(data: bytes) -> Iterator[tuple[float, float, float]]:
    if data[:4] != b"ASEF":
        raise ValueError
    (count,), place = struct.unpack(">I", data[8:12]), 12
    for _ in range(count):
        kind, length = struct.unpack(">HI", data[place:place + 6])
        block = data[place + 6:place + 6 + length]
        place += 6 + length
        if kind == 1:  # a colour: length of its name in UTF-16, the name, its model, its numbers
            start = 2 + 2 * struct.unpack(">H", block[:2])[0]
            model = block[start:start + 4].decode("ascii").strip().upper()
            numbers = struct.unpack(f">{ {'RGB': 3, 'CMYK': 4, 'LAB': 3, 'GRAY': 1}[model] }f", block[start + 4:][
                : 4 * {"RGB": 3, "CMYK": 4, "LAB": 3, "GRAY": 1}[model]])
            yield _srgb(model, numbers)


def _swatches(data: bytes) -> Iterator[tuple[float, float, float]]:
    version, count = struct.unpack(">HH", data[:4])
    if version not in (1, 2):
        raise ValueError
    place = 4
    for _ in range(count):
        space, a, b, c, d = struct.unpack(">HHHHH", data[place:place + 10])
        place += 10
        if version == 2:
            place += 4 + 2 * struct.unpack(">I", data[place:place + 4])[0]
        if space == 0:
            yield _srgb("RGB", (a / 65535, b / 65535, c / 65535))
        elif space == 1:
            yield _srgb("RGB", colorsys.hsv_to_rgb(a / 65535, b / 65535, c / 65535))
        elif space == 2:
            yield _srgb("CMYK", tuple(1 - value / 65535 for value in (a, b, c, d)))
        elif space == 7:
            signed = struct.unpack(">hh", struct.pack(">HH", b, c))
            yield _srgb("LAB", (a / 10000, signed[0] / 100, signed[1] / 100))
        elif space == 8:
            yield _srgb("GRAY", (1 - a / 10000,))


def _srgb(model: str, numbers: tuple[float, ...]) -> tuple[float, float, float]:
    """Numbers of a model, in [0, 1] but for Lab's a and b -> sRGB in [0, 255]. CMYK without a profile, as Pillow."""
    if model == "CMYK":
        key = 1 - numbers[3]
        numbers = tuple((1 - ink) * key for ink in numbers[:3])
    elif model == "GRAY":
        numbers = numbers * 3
    elif model == "LAB":
        numbers = tuple(srgb_of_lab(np.array([numbers[0] * 100, numbers[1], numbers[2]])).tolist())
    red, green, blue = (255 * number for number in numbers)
    return red, green, blue


def _of_picture(image: Image.Image) -> list[tuple[float, float, float]]:
    """Its colours, when they are few, else the OF_A_PICTURE that stand for them best (median cut).

    What is transparent has none, whatever values lie there.
    """
    pixels = np.asarray(image.convert("RGBA"))
    seen = pixels[pixels[..., 3] >= OPAQUE][None, :, :3]
    if not seen.size:
        return []
    rgb = Image.fromarray(np.ascontiguousarray(seen))
    colours = rgb.getcolors(maxcolors=256)
    if colours is None:
        few = rgb.quantize(OF_A_PICTURE, Image.Quantize.MEDIANCUT)
        used = [number for number, count in enumerate(few.histogram()) if count]
        listed = np.reshape(few.getpalette() or [], (-1, 3))[used].tolist()  # older Pillows fill it up with black
    else:
        listed = np.asarray([colour for _, colour in colours]).tolist()
    return [(red, green, blue) for red, green, blue in listed]

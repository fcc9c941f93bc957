"""A finished picture as a file, PNG, WebP or JPEG, with the record of what made it inside."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PIL import Image, PngImagePlugin, features

from ..errors import ColorizeError
from ..whole_file import write_whole
from .png import SIGNATURE, find_text
from .record import Record

KEY = "ColorizeDiffusion"  # keyword of the PNG's text chunk, and first word of the EXIF user comment
FORMATS = {".png": "PNG", ".webp": "WEBP", ".jpg": "JPEG", ".jpeg": "JPEG"}
JPEG_QUALITY = 95
EXIF, USER_COMMENT = 0x8769, 0x9286  # the EXIF directory, and its tag for any text (EXIF 2.32, section 4.6.6)
Write = Callable[[Path, bytes], None]


def check_format(path: Path, quality: int | None = None) -> None:
    """ColorizeError for a suffix that is none of FORMATS, and for a quality where none is asked."""
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise ColorizeError(f"{path}: expected a name that ends in {', '.join(FORMATS)}: the settings travel in the "
                            "picture, and these hold them")
    if kind == "WEBP" and not features.check("webp"):
        raise ColorizeError(f"{path}: this Pillow writes no WebP; name a PNG")
    if kind == "PNG" and quality is not None:
        raise ColorizeError(f"{path}: a PNG keeps every pixel; leave out --quality, or name a .webp or .jpg")


def save_result(image: Image.Image, path: Path, record: Record, quality: int | None = None,
                write: Write = write_whole) -> None:
    """Write the picture whole or not at all, in the format of its suffix.

    quality: 1 to 100, of JPEG (None: JPEG_QUALITY) and WebP (None: without loss); what is lost is said in the record.
    write: puts the bytes of the file there.
    """
    check_format(path, quality)
    kind, encoded = FORMATS[path.suffix.lower()], io.BytesIO()
    if kind == "JPEG" or quality is not None:
        quality = quality or JPEG_QUALITY
        record = replace(record, lossy=f"{'WebP' if kind == 'WEBP' else kind}, quality {quality}")
    try:
        if kind == "PNG":
            text = PngImagePlugin.PngInfo()
            text.add_itxt(KEY, record.to_text())
            image.save(encoded, "PNG", pnginfo=text)
        elif kind == "JPEG":
            if image.mode not in ("RGB", "L"):
                raise ColorizeError(f"{path}: a JPEG holds no transparency; name a .png or .webp")
            image.save(encoded, "JPEG", quality=quality, subsampling=0, exif=_exif(record))
        else:
            image.save(encoded, "WEBP", lossless=quality is None, quality=quality or 80, exact=True, exif=_exif(record))
    except (OSError, ValueError) as error:  # more pixels or more text than the format holds
        if isinstance(error, ColorizeError):
            raise
        raise ColorizeError(f"{path}: cannot be written as {kind} ({error}); name a .png") from None
    write(path, encoded.getvalue())


def read_record(path: str | os.PathLike[str]) -> Record:
    """The record of a picture made by this program; ColorizeError for any other file."""
    if os.path.exists(path) and not os.path.isfile(path):  # a pipe would be waited for
        raise ColorizeError(f"{path}: not an ordinary file, expected a picture of this program")
    try:
        with open(path, "rb") as stream:
            png = stream.read(len(SIGNATURE)) == SIGNATURE
            text = find_text(stream, KEY) if png else None
        text = text if png else _comment(path)
    except FileNotFoundError:
        raise ColorizeError(f"{path}: no such file") from None
    except ColorizeError as error:
        raise ColorizeError(f"{path}: {error}") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ColorizeError(f"{path}: not a picture ({getattr(error, 'strerror', None) or error})") from None
    if text is None:
        raise ColorizeError(f"{path}: carries no settings of this program; was it saved again by another one?")
    try:
        return Record.from_text(text)
    except ColorizeError as error:
        raise ColorizeError(f"{path}: {error}") from None


def _exif(record: Record) -> Image.Exif:
    exif = Image.Exif()
    exif.get_ifd(EXIF)[USER_COMMENT] = b"ASCII\0\0\0" + f"{KEY} {record.to_text()}".encode("ascii")
    return exif


def _comment(path: str | os.PathLike[str]) -> str | None:
    """The record in a file's EXIF user comment, or None."""
    with Image.open(path) as image:
        found = image.getexif().get_ifd(EXIF).get(USER_COMMENT)
    if not isinstance(found, bytes) or len(found) < 8:
        return None
    text = found[8:].replace(b"\0", b"").decode("ascii", errors="replace")  # also where it was made UTF-16
    return text.removeprefix(f"{KEY} ") if text.startswith(f"{KEY} ") else None

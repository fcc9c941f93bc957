"""A picture from anywhere -> 8-bit RGB or RGBA; what is none is refused in one line that names it."""

from __future__ import annotations

import io
import os
import stat
import threading
from typing import Any, BinaryIO

from PIL import Image, ImageFile, ImageOps

from ..errors import ColorizeError
from .eight_bits import MAX_PIXELS, to_8bit
from .png_chunks import without_texts

MIN_SIDE = 8  # pixels, of an input and of a sketch within its canvas: less shows nothing
MAX_SIDE = 16384
BYTES = {"1": 1, "L": 1, "I;16": 2}  # that Pillow takes for a pixel; 4 for all others
PROGRAMS = ("EPS", "WMF")  # formats that Pillow draws with an outside program


def open_image(source: str | os.PathLike[str] | bytes | BinaryIO) -> Image.Image:
    """Any picture that Pillow reads, as 8-bit sRGB, or RGBA where something is transparent; EXIF turned, first frame.

    Bilevel and grey pictures above MAX_PIXELS are averaged down by a whole factor.

    ColorizeError, one line that names the file, for everything else: missing, a folder, empty, not an image,
    damaged, below MIN_SIDE, above MAX_SIDE or MAX_PIXELS' memory (told from the header, before anything is decoded).
    """
    if isinstance(source, (bytes, bytearray)):
        return _decode(io.BytesIO(source), "the picture")
    if not isinstance(source, (str, os.PathLike)):
        name = _printable(getattr(source, "name", "the picture"))
        content = source.read()
        if not isinstance(content, bytes):
            raise ColorizeError(f"{name}: opened as text; open it in binary mode")
        return _decode(io.BytesIO(content), name)
    name = _printable(source)
    try:
        mode = os.stat(source).st_mode
        if stat.S_ISDIR(mode):
            raise ColorizeError(f"{name}: a folder, expected a picture file")
        if not stat.S_ISREG(mode):
            raise ColorizeError(f"{name}: not an ordinary file, expected a picture file")
        with open(source, "rb") as stream:
            return _decode(stream, name)
    except FileNotFoundError:
        raise ColorizeError(f"{name}: no such file; check the path") from None
    except ColorizeError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a path with a null byte
        raise ColorizeError(f"{name}: cannot be opened: {getattr(error, 'strerror', None) or error}") from None


def _printable(source: Any) -> str:
    name = os.fsdecode(source) if isinstance(source, (str, os.PathLike)) else str(source)
    return name if name.isprintable() and name else repr(name)


class _StrictPillow:
    """Inside, half a file is an error even where the host allows it, and the limit of size is ours.

    Threads may overlap: Pillow's flags are one for all, so the first to come sets them and the last to go puts them
    back, unless somebody else has set them meanwhile.
    """

    def __init__(self) -> None:
        self._lock, self._inside, self._before = threading.Lock(), 0, False
        self._pixels: int | None = None

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._before, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
                self._pixels, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside:
                return
            if not ImageFile.LOAD_TRUNCATED_IMAGES:
                ImageFile.LOAD_TRUNCATED_IMAGES = self._before
            if Image.MAX_IMAGE_PIXELS is None:
                Image.MAX_IMAGE_PIXELS = self._pixels


_STRICT = _StrictPillow()


def _decode(stream: BinaryIO, name: str) -> Image.Image:
    if stream.seek(0, os.SEEK_END) == 0:
        raise ColorizeError(f"{name}: an empty file (0 bytes), expected a picture")
    stream, cicp = without_texts(stream)
    with _STRICT:
        try:
            image = Image.open(stream)
        except Exception:  # noqa: BLE001 - Pillow raises anything here, SyntaxError to struct.error
            raise ColorizeError(f"{name}: not an image that can be read; expected PNG, JPEG, WebP") from None
        if image.format in PROGRAMS:
            raise ColorizeError(f"{name}: {image.format} is not supported; save it as PNG")
        check_size(image.size, name, image.mode)
        try:
            image.load()
            return to_8bit(_turned(image), cicp)
        except MemoryError:
            raise ColorizeError(f"{name}: no memory for {image.width}x{image.height} pixels; make it smaller") from None
        except Exception as error:  # noqa: BLE001 - as above, inside the pixel data
            reason = " ".join(str(error).split()) or type(error).__name__
            raise ColorizeError(f"{name}: a damaged or truncated picture ({reason}); save it again") from None


def _limit() -> str:
    return f"{MAX_SIDE} pixels a side and {MAX_PIXELS / 1e6:g} million in all (bilevel and grey: four times that)"


def check_size(size: tuple[int, int], name: str, mode: str = "RGB") -> None:
    """ColorizeError for a picture of that size, in pixels, that is too small or whose pixels take too much memory."""
    w, h = size
    if min(w, h) < MIN_SIDE:
        raise ColorizeError(f"{name}: {w}x{h} pixels is too small, expected at least {MIN_SIDE} a side")
    if max(w, h) > MAX_SIDE or w * h * BYTES.get(mode, 4) > 4 * MAX_PIXELS:
        raise ColorizeError(f"{name}: {w}x{h} pixels is too large, expected at most {_limit()}; make it smaller")


def _turned(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # noqa: BLE001 - unreadable EXIF data says nothing about the picture: keep it as stored
        return image

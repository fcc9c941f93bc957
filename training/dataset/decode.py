"""Bytes to pictures: the header is judged before anything is decoded."""

from __future__ import annotations

import io
import warnings

from PIL import Image

from lib_colorize.errors import ColorizeError
from lib_colorize.pictures.eight_bits import MAX_PIXELS
from lib_colorize.pictures.flattening import WHITE, over_paper
from lib_colorize.pictures.picture_files import MAX_SIDE, MIN_SIDE, open_image

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
TURNED = (5, 6, 7, 8)  # EXIF orientations that swap the sides
ORIENTATION = 0x0112


class BadPicture(ColorizeError):
    """A picture that cannot be used; `reason` is what the report counts."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}{': ' if detail else ''}{detail}")
        self.reason = reason


def size_of(content: bytes) -> tuple[int, int]:
    """(width, height) as `picture` gives it, from the header; BadPicture when it is none or out of bounds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's own limit is wider than ours
        try:
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                width, height = image.size
                # asking a PNG for EXIF data that its header does not hold would decode it
                turned = "exif" in image.info and image.getexif().get(ORIENTATION) in TURNED
        except Image.DecompressionBombError:
            raise BadPicture("picture too large") from None
        except Exception:  # noqa: BLE001 - Pillow raises anything here, SyntaxError to struct.error
            raise BadPicture("not a picture") from None
    if min(width, height) < MIN_SIDE:
        raise BadPicture("picture too small", f"{width}x{height}")
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise BadPicture("picture too large", f"{width}x{height}")
    return (height, width) if turned else (width, height)


def picture(content: bytes, grey: bool = False) -> Image.Image:
    """RGB, transparency over white, turned as EXIF says; BadPicture for anything that is not whole.

    grey: a picture that is stored in grey (most sketches) comes as L, a third of the work for whatever follows.
    """
    size_of(content)
    try:
        image = open_image(content)
    except ColorizeError as error:
        raise BadPicture("damaged picture", str(error)) from None
    image = over_paper(image, WHITE)
    if grey and _stored_grey(content):
        return image.getchannel("R")
    return image


def _stored_grey(content: bytes) -> bool:
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        return image.mode in ("1", "L")

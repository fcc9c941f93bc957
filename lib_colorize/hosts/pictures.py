"""Pictures as hosts hand them over (PIL, arrays, gradio's dictionaries, base64, data URLs, paths) -> PIL pictures."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..errors import ColorizeError, shortened
from ..pictures.picture_files import open_image

DATA_URL = re.compile(r"data:[\w.+-]+/[\w.+-]+(;[\w=.-]+)*,", re.ASCII | re.IGNORECASE)
LAYERS = ("composite", "image", "background")  # keys of gradio's editors: the first that holds a picture is taken
MAX_PATH = 4096


def decode_picture(
    value: Any, what: str, allowed_folders: Sequence[str] = (), fetch: Callable[[str], Image.Image] | None = None,
) -> Image.Image | None:
    """The picture that a widget or an API call holds; None when there is none. ColorizeError when it is no picture.

    what: its name in errors. allowed_folders: where a path may lie. fetch: reads an http(s) address, where the server
    allows that.
    """
    if isinstance(value, dict):
        value = next((value[key] for key in LAYERS if value.get(key) is not None), None)
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, Image.Image):
        return value
    if isinstance(value, np.ndarray):
        return _from_array(value, what)
    if isinstance(value, str):
        return _from_text(value.strip(), what, allowed_folders, fetch)
    raise ColorizeError(f"{what}: found {type(value).__name__}, expected a picture, base64 text, a data URL or a path")


def _from_array(value: np.ndarray, what: str) -> Image.Image:
    try:
        return Image.fromarray(value)
    except (TypeError, ValueError):
        raise ColorizeError(
            f"{what}: found an array of {value.dtype} {value.shape}, expected uint8 [h, w, 3]") from None


def _from_text(
    text: str, what: str, allowed_folders: Sequence[str], fetch: Callable[[str], Image.Image] | None,
) -> Image.Image:
    scheme, colon, rest = text.partition("://")
    if colon and scheme.lower() in ("http", "https"):
        if fetch is None:
            raise ColorizeError(f"{what}: found a web address, and this server fetches none; send it as base64")
        return fetch(f"{scheme.lower()}://{rest}")  # hosts know only small letters
    if _is_path(text):
        return open_image(_allowed(text, what, allowed_folders))
    content = _content(text, what, "a picture")
    try:
        return open_image(content)
    except ColorizeError as error:
        raise ColorizeError(f"{what}: {str(error).removeprefix('the picture: ')}") from None


def decode_file(text: str, what: str, allowed_folders: Sequence[str] = ()) -> bytes:
    """Base64, a data URL, or the path of a file in an allowed folder -> its bytes; ColorizeError for none of these."""
    if not _is_path(text):
        return _content(text, what, "a file")
    path = _allowed(text, what, allowed_folders)
    try:
        return path.read_bytes()
    except OSError as error:
        raise ColorizeError(f"{what}: {shortened(text)} cannot be read ({error.strerror or error})") from None


def _is_path(text: str) -> bool:
    return DATA_URL.match(text) is None and "." in text and len(text) <= MAX_PATH  # base64 has no dots


def _content(text: str, what: str, kind: str) -> bytes:
    head = DATA_URL.match(text)
    content = _base64(text[head.end():] if head else text)
    if content is None:
        raise ColorizeError(f"{what}: neither base64 of {kind} nor a path ({shortened(text)}); send it as base64")
    return content


def _base64(text: str) -> bytes | None:
    """The bytes, also of a text that was cut off; None when it is no base64."""
    letters = "".join(text.split())
    try:
        return base64.b64decode(letters + "=" * (-len(letters) % 4), validate=True)
    except (binascii.Error, ValueError):
        try:
            return base64.b64decode(letters[:len(letters) // 4 * 4], validate=True) or None
        except (binascii.Error, ValueError):
            return None


def _allowed(text: str, what: str, folders: Sequence[str]) -> Path:
    """The path itself when it lies, links resolved, in one of the folders."""
    try:
        path = Path(os.path.realpath(os.path.expanduser(text)))
    except (ValueError, OSError):  # a zero byte, a loop of links
        raise ColorizeError(f"{what}: {shortened(text)} is no path; send it as base64") from None
    for folder in folders:
        if path.is_relative_to(os.path.realpath(folder)):
            return path
    where = ", ".join(folders) or "none"
    raise ColorizeError(f"{what}: the server reads pictures only from its allowed folders ({where}), not from "
                        f"{shortened(text)}; send it as base64, or start the server with --gradio-allowed-path")


def picture_hash(image: Image.Image) -> str:
    """Ten hexadecimal digits of what a picture shows: its size and pixels, whatever file they came in."""
    pixels = image if image.mode in ("RGB", "RGBA") else image.convert("RGBA")
    if pixels.mode == "RGBA" and pixels.getchannel("A").getextrema() == (255, 255):
        pixels = pixels.convert("RGB")
    return hashlib.sha256(repr((pixels.mode, pixels.size)).encode() + pixels.tobytes()).hexdigest()[:10]

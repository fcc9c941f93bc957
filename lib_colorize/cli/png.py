"""A text in a PNG, wherever it lies in the file and however it is stored; no pixel is decoded for it."""

from __future__ import annotations

import struct
import zlib
from typing import BinaryIO

from ..errors import ColorizeError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_TEXT = 1 << 22  # bytes of the one that is looked for; all others may have any length


def find_text(stream: BinaryIO, keyword: str) -> str | None:
    """The first text (tEXt, zTXt or iTXt) of that keyword, before the pixels or behind; None when there is none.

    stream: at its start. ColorizeError for a text that is damaged, or longer than MAX_TEXT.
    """
    wanted = keyword.encode("latin-1") + b"\0"
    stream.seek(len(SIGNATURE))
    while len(head := stream.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        start = stream.tell()
        if kind in (b"tEXt", b"zTXt", b"iTXt") and length > len(wanted) and stream.read(len(wanted)) == wanted:
            stream.seek(start)
            content = stream.read(length) if length <= MAX_TEXT else b""
            if stream.read(4) != struct.pack(">I", zlib.crc32(kind + content)):
                raise ColorizeError("the record in the picture is damaged (its checksum is wrong); it cannot be "
                                    "repeated")
            return _decoded(kind, content[len(wanted):])
        if kind == b"IEND":
            break
        stream.seek(start + length + 4)
    return None


def _decoded(kind: bytes, content: bytes) -> str:
    """The text itself of a chunk, which begins behind its keyword (PNG 1.2, section 4.2.3)."""
    try:
        if kind == b"tEXt":
            return content.decode("latin-1")
        if kind == b"zTXt":
            return _inflated(content[1:]).decode("latin-1")
        _language, _translated, text = content[2:].split(b"\0", 2)
        return (_inflated(text) if content[0] else text).decode()
    except (ValueError, IndexError, zlib.error) as error:
        raise ColorizeError(f"the record in the picture is damaged ({error}); it cannot be repeated") from None


def _inflated(content: bytes) -> bytes:
    reader = zlib.decompressobj()
    text = reader.decompress(content, MAX_TEXT)
    if not reader.eof:
        raise ValueError("its text is cut off, or too long")
    return text

"""A PNG file's chunks: its texts left out, what they are, how long and wherever, and what its cICP says of colours."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

SIGNATURE = b"\x89PNG\r\n\x1a\n"
TEXTS = (b"tEXt", b"zTXt", b"iTXt")
KEPT = (b"Raw profile type exif\0", b"XML:com.adobe.xmp\0")  # keywords: they may say how the picture is turned


@dataclass(frozen=True)
class Cicp:
    """Primaries and transfer by the numbers of ITU-T H.273; depth: bits a channel of the file."""

    primaries: int
    transfer: int
    depth: int


def without_texts(stream: BinaryIO) -> tuple[BinaryIO, Cicp | None]:
    """The same PNG without its texts, which Pillow refuses above 1 MB, and its cICP; any other file as it is."""
    stream.seek(0)
    if stream.read(len(SIGNATURE)) != SIGNATURE:
        stream.seek(0)
        return stream, None
    cicp, depth, kept, dropped = None, 8, [SIGNATURE], False
    for kind, chunk in _chunks(stream):
        content = memoryview(chunk)[8:-4]
        if kind in TEXTS and not any(bytes(content[:len(word)]) == word for word in KEPT):
            dropped = True
            continue
        if kind == b"IHDR" and len(content) >= 9:
            depth = content[8]
        if kind == b"cICP" and len(content) == 4:
            cicp = Cicp(content[0], content[1], depth)
        kept.append(chunk)
    stream.seek(0)
    return (io.BytesIO(b"".join(kept)) if dropped else stream), cicp


def _chunks(stream: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """(kind, the whole chunk); what is cut off or follows the end comes as it is, for Pillow to judge."""
    while True:
        head = stream.read(8)
        if len(head) < 8:
            if head:
                yield b"", head
            return
        body = stream.read(int.from_bytes(head[:4], "big") + 4)
        yield head[4:], head + body

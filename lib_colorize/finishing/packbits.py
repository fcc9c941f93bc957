"""PackBits by row, as PSD wants it. Pillow's TIFF has it in C: a strip for each row is just that."""

from __future__ import annotations

import io
import struct

import numpy as np
from PIL import Image, features

COUNTS, OFFSETS, ROWS_A_STRIP = 279, 273, 278  # TIFF tags


def packed(channel: np.ndarray) -> tuple[bytes, bytes]:
    """channel: [H, W] uint8 -> the byte count of each row (big-endian, 16 bits), and the rows, packed."""
    if not features.check("libtiff"):
        return _in_rows([_stored(row.tobytes()) for row in channel])
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(channel)).save(
        file, "TIFF", compression="packbits", tiffinfo={ROWS_A_STRIP: 1}, strip_size=1)  # which older Pillows listen to
    whole = file.getvalue()
    with Image.open(io.BytesIO(whole)) as tiff:
        tags = dict(tiff.tag_v2)
    counts, offsets = (tags[tag] if isinstance(tags[tag], tuple) else (tags[tag],) for tag in (COUNTS, OFFSETS))
    if len(counts) != len(channel):  # a Pillow that puts several rows into a strip
        return _in_rows([_stored(row.tobytes()) for row in channel])
    return _in_rows([whole[offset:offset + count] for offset, count in zip(offsets, counts)])


def _in_rows(rows: list[bytes]) -> tuple[bytes, bytes]:
    return struct.pack(f">{len(rows)}H", *map(len, rows)), b"".join(rows)


def _stored(row: bytes) -> bytes:
    """Valid PackBits without any packing: runs of up to 128 bytes as they are."""
    parts = [row[start:start + 128] for start in range(0, len(row), 128)]
    return b"".join(bytes([len(part) - 1]) + part for part in parts)

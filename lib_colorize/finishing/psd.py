"""Layers as a Photoshop document (Adobe Photoshop File Formats Specification, version 1; 8 bits, RGB)."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

from ..errors import ColorizeError
from .layers import Blend, Layer, laid_together
from .packbits import packed

LARGEST = 30_000  # px a side, of the format
BLENDS = {Blend.NORMAL: b"norm", Blend.MULTIPLY: b"mul ", Blend.SCREEN: b"scrn"}
RED, GREEN, BLUE, ALPHA = 0, 1, 2, -1  # channel ids
PACKED = 1  # compression: PackBits, row by row


def psd(layers: Sequence[Layer]) -> bytes:
    """The document, layers from the bottom up; the flattened picture in it is what they give together."""
    height, width = layers[0].pixels.shape[:2]
    check_psd_size((width, height))
    together = laid_together(layers)
    count = together.shape[2]  # with a fourth channel the picture is transparent: said by a negative number of layers
    header = struct.pack(">4sH6xHIIHH", b"8BPS", 1, count, height, width, 8, 3)
    records, data = zip(*(_layer(layer) for layer in layers))
    info = struct.pack(">h", len(layers) if count == 3 else -len(layers)) + b"".join(records) + b"".join(data)
    info += b"\0" * (len(info) % 2)
    section = struct.pack(">I", len(info)) + info + struct.pack(">I", 0)  # no global mask
    flat = [packed(channel) for channel in np.moveaxis(together, 2, 0)]
    merged = struct.pack(">H", PACKED) + b"".join(lengths for lengths, _ in flat) + b"".join(rows for _, rows in flat)
    return header + struct.pack(">II", 0, 0) + struct.pack(">I", len(section)) + section + merged


def check_psd_size(size: tuple[int, int]) -> None:
    """(width, height) of a picture; ColorizeError for more than the format holds."""
    if max(size) > LARGEST:
        raise ColorizeError(f"a PSD holds at most {LARGEST} px a side, the picture is {size[0]}x{size[1]}; "
                            "write OpenRaster (.ora) or a folder")


def _layer(layer: Layer) -> tuple[bytes, bytes]:
    """A layer's record and its channels' data."""
    height, width = layer.pixels.shape[:2]
    opaque = layer.pixels.shape[2] == 3
    pixels = layer.pixels if not opaque else np.dstack([layer.pixels, np.full((height, width), 255, np.uint8)])
    order = ((ALPHA, pixels[..., 3]), (RED, pixels[..., 0]), (GREEN, pixels[..., 1]), (BLUE, pixels[..., 2]))
    channels = [(number, struct.pack(">H", PACKED) + b"".join(packed(channel))) for number, channel in order]
    record = struct.pack(">iiiiH", 0, 0, height, width, len(channels))
    record += b"".join(struct.pack(">hI", number, len(data)) for number, data in channels)
    record += b"8BIM" + BLENDS[layer.blend] + struct.pack(">BBBx", 255, 0, 0)
    extra = struct.pack(">II", 0, 0) + _short_name(layer.name) + _long_name(layer.name)  # no mask, no blending ranges
    return record + struct.pack(">I", len(extra)) + extra, b"".join(data for _, data in channels)


def _short_name(name: str) -> bytes:
    """A Pascal string, filled up to a multiple of four; what Latin letters cannot say is said by the long one."""
    text = name.encode("mac_roman", "replace")[:255]
    text = struct.pack(">B", len(text)) + text
    return text + b"\0" * (-len(text) % 4)


def _long_name(name: str) -> bytes:
    """The block `luni`: the name in Unicode."""
    text = name.encode("utf-16-be")
    data = struct.pack(">I", len(text) // 2) + text
    data += b"\0" * (-len(data) % 4)
    return b"8BIMluni" + struct.pack(">I", len(data)) + data

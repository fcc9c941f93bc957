"""Small data folders for tests: pictures whose every sample can be told from any other."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

Size = tuple[int, int]


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def color_of(number: int, size: Size) -> Image.Image:
    """A random picture with soft structure."""
    small = np.random.default_rng(number).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)


def sketch_of(number: int, size: Size) -> Image.Image:
    """Black lines on white, in a place of their own."""
    image = Image.new("RGB", size, "white")
    x, y = np.random.default_rng((1, number)).integers(0, 1 + min(size) // 2, 2).tolist()
    ImageDraw.Draw(image).rectangle((x, y, x + min(size) // 3, y + min(size) // 3), outline="black", width=2)
    return image


def art(number: int, size: Size = (72, 60)) -> Image.Image:
    """A drawing with outlines, colours and place of its own."""
    rng = np.random.default_rng(number)
    image = Image.new("RGB", size, tuple(rng.integers(150, 256, 3).tolist()))
    draw = ImageDraw.Draw(image)
    for _ in range(4):
        x, y = rng.integers(0, size[0] - 24), rng.integers(0, size[1] - 24)
        w, h = rng.integers(12, 24, 2)
        draw.ellipse((x, y, x + w, y + h), fill=tuple(rng.integers(60, 256, 3).tolist()), outline="black", width=2)
    return image


def write_zip(path: Path, members: Iterable[tuple[str, bytes]], compressed: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED) as archive:
        for name, content in members:
            archive.writestr(name, content)


def write_pairs(
    folder: Path, count: int = 6, sizes: tuple[Size, ...] = ((48, 40),), layout: str = "zip", shards: int = 2,
) -> Path:
    """Sample i is pair number i of size sizes[i % len(sizes)], in shard i % shards. layout: zip, folder, loose."""
    for part, make in (("color", color_of), ("sketch", sketch_of)):
        by_shard: dict[int, list[tuple[str, bytes]]] = {}
        for i in range(count):
            by_shard.setdefault(i % shards, []).append((f"{i:04d}.png", encoded(make(i, sizes[i % len(sizes)]))))
        for shard, members in by_shard.items():
            if layout == "zip":
                write_zip(folder / part / f"{shard:04d}.zip", members, compressed=bool(shard % 2))
                continue
            target = folder / part / ("" if layout == "loose" else f"{shard:04d}")
            target.mkdir(parents=True, exist_ok=True)
            for name, content in members:
                (target / name).write_bytes(content)
    return folder

"""Write shards: NAME.zip in color/, sketch/, mask/ and reference/, and, if wanted, tar/NAME.tar for webdataset."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from lib_colorize.whole_file import replacing, write_whole

FORMATS: dict[str, dict[str, Any]] = {  # options of Pillow
    "png": {"compress_level": 6}, "jpg": {"quality": 95, "subsampling": 0}, "webp": {"quality": 95}}
STAMP = (1980, 1, 1, 0, 0, 0)  # of every member, so that the same pictures make the same bytes


@dataclass(frozen=True)
class Written:
    """One sample as it is stored; entry: what the index says of it besides its name and size."""

    name: str
    color: Image.Image
    sketch: Image.Image  # black lines on white
    mask: Image.Image | None = None
    entry: dict[str, Any] = field(default_factory=dict)
    reference: Image.Image | None = None  # None: the picture itself


def encode_picture(image: Image.Image, kind: str) -> bytes:
    """The picture as a file of that kind."""
    stream = io.BytesIO()
    image.save(stream, {"jpg": "JPEG"}.get(kind, kind.upper()), **FORMATS[kind])
    return stream.getvalue()


def write_shard(out: Path, shard: str, samples: Iterable[Written], kind: str = "png", tar: bool = False) -> int:
    """Write one shard and its part of the index, whole or not at all; returns the number of samples.

    The index part comes last: a shard is finished when index/SHARD.jsonl is there.
    """
    members: dict[str, list[tuple[str, bytes]]] = {"color": [], "sketch": [], "mask": [], "reference": []}
    lines = []
    for sample in samples:
        members["color"].append((f"{sample.name}.{kind}", encode_picture(sample.color, kind)))
        members["sketch"].append((f"{sample.name}.png", encode_picture(sample.sketch.convert("L"), "png")))
        if sample.mask is not None:
            members["mask"].append((f"{sample.name}.png", encode_picture(sample.mask.convert("L"), "png")))
        if sample.reference is not None:
            members["reference"].append((f"{sample.name}.{kind}", encode_picture(sample.reference, kind)))
        width, height = sample.color.size
        lines.append({"member": f"{shard}/{sample.name}", "width": width, "height": height, **sample.entry})
    for part, listed in members.items():
        if listed:
            write_whole(out / part / f"{shard}.zip", _zip(listed), parents=True)
    if tar:
        write_whole(out / "tar" / f"{shard}.tar", _tar(members, lines), parents=True)
    write_whole(out / "index" / f"{shard}.jsonl", "".join(json.dumps(line) + "\n" for line in lines), parents=True)
    return len(lines)


def merge_index(out: Path, shards: Sequence[str]) -> None:
    """All parts of the index as index.jsonl."""
    with replacing(out / "index.jsonl") as unfinished, unfinished.open("wb") as merged:
        for shard in shards:
            merged.write((out / "index" / f"{shard}.jsonl").read_bytes())


def _zip(members: list[tuple[str, bytes]]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name, STAMP), content)
    return stream.getvalue()


def _tar(members: dict[str, list[tuple[str, bytes]]], lines: list[dict[str, Any]]) -> bytes:
    """NAME.color.png, .sketch.png (, .mask.png, .reference.png) and .json of each sample, next to one another."""
    by_name: dict[str, list[tuple[str, bytes]]] = {}
    for part, listed in members.items():
        for name, content in listed:
            stem, _, suffix = name.rpartition(".")
            by_name.setdefault(stem, []).append((f"{stem}.{part}.{suffix}", content))
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for line, (stem, listed) in zip(lines, by_name.items()):
            for name, content in (*listed, (f"{stem}.json", json.dumps(line).encode())):
                header = tarfile.TarInfo(name)
                header.size = len(content)
                archive.addfile(header, io.BytesIO(content))
    return stream.getvalue()

"""Which samples a data folder holds: members of color/, sketch/, mask/ and reference/ that belong together."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lib_colorize.errors import ColorizeError
from training.dataset import archive, decode, listing
from training.dataset.archive import Member
from training.dataset.index import selected
from training.dataset.report import Report

PARTS = ("color", "sketch", "mask", "reference")
MAX_ASPECT_ERROR = 0.02  # sketch and picture may differ so much in aspect, as a share: rounding of small pictures
NONE = Member(-1, 0, 0, 0, 0, 0)  # a mask or reference that is not there


@dataclass(frozen=True)
class Catalog:
    """`keys[i]` is the name of sample i (shard/member); `where[i, part]` its members; `sizes[i]` (width, height)."""

    folder: Path
    files: list[Path]
    keys: list[str]
    where: np.ndarray  # [N, 4, 6] int64, rows of archive.Member; file = -1: not there
    sizes: np.ndarray  # [N, 2] int64
    report: Report

    def content(self, index: int, part: str) -> bytes | None:
        """The bytes of one picture, None for one that is not there (mask, reference); BadPicture when damaged."""
        member = Member(*self.where[index, PARTS.index(part)].tolist())
        if member.file < 0:
            return None
        path = self.files[member.file]
        return archive.read_member(path, self.name_in(path, self.keys[index]), member)

    def name_in(self, path: Path, key: str) -> str:
        """The member's name within its zip or folder."""
        return key if path in {self.folder / part for part in PARTS} else key.partition("/")[2]

    def identity(self, index: int) -> bytes:
        """What changes when the sample's picture or reference does, without reading: name, size, checksum or time."""
        own = self._identity(index, "color")
        return own if self.where[index, PARTS.index("reference"), 0] < 0 else own + self._identity(index, "reference")

    def _identity(self, index: int, part: str) -> bytes:
        member = Member(*self.where[index, PARTS.index(part)].tolist())
        return repr((self.keys[index], member.size, member.crc)).encode()

    def digest(self) -> str:
        """Hex digest of all identities, in order."""
        found = hashlib.sha256()
        for index in range(len(self.keys)):
            found.update(self.identity(index))
        return found.hexdigest()


def list_samples(folder: Path, where: tuple[str, ...] = ()) -> Catalog:
    """List a data folder. ColorizeError when it is none; single members that are unusable are counted.

    Sizes come from the index where there is one, else from every picture's header.
    """
    for part in PARTS[:2]:
        if not (folder / part).is_dir():
            raise ColorizeError(f"{folder}: no folder {part}/ in it; expected color/ and sketch/ with zips or folders "
                                "of pictures under the same names")
    report, index = Report(), selected(folder, where)
    shards = {part: listing.shards(folder / part) for part in PARTS}
    files: list[Path] = []
    keys: list[str] = []
    rows: list[tuple[Member, ...]] = []
    sizes: list[tuple[int, int]] = []
    for shard in sorted({*shards["color"], *shards["sketch"]}):
        listed = {part: _members(shards[part].get(shard), files, report, loose=not shard) for part in PARTS}
        report.found += len(listed["color"])
        for name in sorted({*listed["color"], *listed["sketch"]}):
            key = f"{shard}/{name}" if shard else name
            if name not in listed["sketch"] or name not in listed["color"]:
                report.skip("picture without a sketch" if name in listed["color"] else "sketch without a picture", key)
                continue
            if index is not None and key not in index:
                report.skip("not in the index or filtered out", key)
                continue
            members = tuple(listed[part].get(name, NONE) for part in PARTS)
            size = (index or {}).get(key) or _header_sizes(members[:2], files, name, key, report)
            if size is not None:
                if shards["mask"] and members[2] is NONE:
                    report.notes["without a mask"] += 1
                keys.append(key)
                rows.append(members)
                sizes.append(size)
    report.usable = len(keys)
    table = np.array(rows, dtype=np.int64).reshape(len(rows), len(PARTS), len(Member._fields))
    return Catalog(folder, files, keys, table, np.array(sizes, dtype=np.int64).reshape(-1, 2), report)


def _members(path: Path | None, files: list[Path], report: Report, loose: bool) -> dict[str, Member]:
    if path is None:
        return {}
    files.append(path)
    return listing.members(path, len(files) - 1, report, loose)


def _header_sizes(
    members: tuple[Member, ...], files: list[Path], name: str, key: str, report: Report,
) -> tuple[int, int] | None:
    """Size of the picture; None, and counted, when picture or sketch are unusable or of different shapes."""
    found = []
    for member in members:
        try:
            found.append(decode.size_of(archive.read_member(files[member.file], name, member)))
        except decode.BadPicture as error:
            report.skip(error.reason, key)
            return None
    if not same_shape(*found):
        report.skip("sketch of another shape than its picture", key)
        return None
    return found[0]


def same_shape(size: tuple[int, int], other: tuple[int, int]) -> bool:
    """Equal aspect ratios, but for rounding."""
    return abs(size[0] * other[1] / (size[1] * other[0]) - 1) <= MAX_ASPECT_ERROR

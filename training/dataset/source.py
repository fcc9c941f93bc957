"""Raw pictures: folders and zips with pictures in any arrangement, every one under a name of its own."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lib_colorize.errors import ColorizeError
from training.dataset import archive
from training.dataset.archive import Member
from training.dataset.listing import list_pictures, stem
from training.dataset.report import Report


@dataclass(frozen=True)
class Raw:
    """One raw picture; `key` is its name in the index and the report."""

    key: str
    path: str  # zip or folder
    name: str  # within it, without suffix
    member: tuple[int, ...]

    @classmethod
    def of(cls, item: dict[str, Any]) -> Raw:
        """From JSON, other fields left aside."""
        return cls(item["key"], item["path"], item["name"], tuple(item["member"]))

    def content(self) -> bytes:
        """The file's bytes; BadPicture when they cannot be read."""
        return archive.read_member(Path(self.path), self.name, Member(*self.member))

    def identity(self) -> str:
        """What changes when the file does, without reading it."""
        return short_digest(asdict(self))


def short_digest(of: Any) -> str:
    """24 hexadecimal digits of something that JSON can hold."""
    return hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()[:24]


def all_raw_pictures(sources: tuple[str, ...], report: Report) -> list[Raw]:
    """Those of all folders, in order; ColorizeError for one that is not there."""
    found: list[Raw] = []
    for source in sources:
        if not Path(source).is_dir():
            raise ColorizeError(f"{source}: no such folder; expected one with pictures or zips of pictures")
        found += raw_pictures(Path(source), report)
    return [*dict.fromkeys(found)]  # a folder may be given twice


def raw_pictures(source: Path, report: Report) -> Iterator[Raw]:
    """All pictures below a folder, in zips too, by name; what cannot be one is counted."""
    yield from _named(list_pictures(source, 0, report, zips_apart=True), str(source), "", report)
    for path in sorted(p for p in source.rglob("*") if p.suffix.lower() == ".zip" and not p.is_dir()):
        inside = path.relative_to(source)
        alone = not path.with_suffix("").is_dir()  # else a.zip and a/ would give the same names
        prefix = (inside.with_suffix("") if alone else inside).as_posix()
        yield from _named(list_pictures(path, 0, report), str(path), f"{prefix}/", report)


def _named(listed: Iterator[tuple[str, Member]], path: str, prefix: str, report: Report) -> Iterator[Raw]:
    """By their names without suffix; those that share one (a.jpg, a.png) by their whole names."""
    found = sorted(listed)
    names, stems = Counter(name for name, _ in found), Counter(stem(name) for name, _ in found)
    for name, member in found:
        if names[name] > 1:  # in a zip: which one is meant nobody can say
            report.skip("two members of one name", f"{prefix}{name}")
            continue
        alone = stems[stem(name)] == 1 and stem(name) not in names
        yield Raw(f"{prefix}{stem(name) if alone else name}", path, stem(name), tuple(member))

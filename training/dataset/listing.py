"""What a zip or a folder holds, told safely: names that are tricks, links and whatever cannot be read are counted."""

from __future__ import annotations

import itertools
import os
import re
import stat
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from training.dataset.archive import LOCAL_HEADER, MAX_BYTES, PLAIN, SUFFIXES, Member, is_picture, spelling_of
from training.dataset.report import Report


def shards(part: Path) -> dict[str, Path]:
    """Shard name -> zip or folder, of `color`, `sketch` or `mask`; "" is the folder itself, for loose pictures."""
    found = {}
    if part.is_dir():
        entries = sorted(part.iterdir())
        found = {e.name: e for e in entries if e.is_dir() and not e.name.startswith(".")}
        found |= {e.stem: e for e in entries if e.suffix.lower() == ".zip" and e.is_file()}
        if any(is_picture(e.name) for e in entries):
            found[""] = part
    return found


def members(path: Path, file: int, report: Report, loose: bool = False) -> dict[str, Member]:
    """Name without suffix -> member of a zip or folder; whatever cannot be used is counted in the report.

    loose: only the pictures that lie in the folder itself; the folders and zips in it are shards of their own.
    """
    listed = list(list_pictures(path, file, report, loose, zips_apart=loose))
    count = Counter(stem(name) for name, _ in listed)
    for name, _ in listed:
        if count[stem(name)] > 1:  # which one is meant nobody can say
            report.skip("two members of one name", f"{path.name}:{name}")
    return {stem(name): member for name, member in listed if count[stem(name)] == 1}


def list_pictures(
    path: Path, file: int, report: Report, loose: bool = False, zips_apart: bool = False,
) -> Iterator[tuple[str, Member]]:
    """(name, member) of all that may be pictures; what cannot be used is counted. zips_apart: zips are the caller's."""
    return _folder(path, file, report, loose, zips_apart) if path.is_dir() else _zip(path, file, report)


def stem(name: str) -> str:
    """A member's name without its suffix, with its folders."""
    return str(PurePosixPath(name).with_suffix(""))


def _folder(path: Path, file: int, report: Report, loose: bool, zips_apart: bool) -> Iterator[tuple[str, Member]]:
    root = os.path.realpath(path)
    for entry in sorted(path.iterdir() if loose else path.rglob("*")):
        name = entry.relative_to(path).as_posix()
        if entry.is_dir():
            if entry.is_symlink() and not loose:
                report.skip("a link to a folder", f"{path.name}/{name}")
        elif zips_apart and entry.suffix.lower() == ".zip":
            continue
        elif not is_picture(name):
            report.skip("not a picture by its name", f"{path.name}/{name}")
        elif not Path(os.path.realpath(entry)).is_relative_to(root):  # Path.resolve gives up on a loop of links
            report.skip("a link out of the folder", f"{path.name}/{name}")
        elif not entry.is_file():
            report.skip("not an ordinary file", f"{path.name}/{name}")
        else:
            found = entry.stat()
            yield name, Member(file, PLAIN, 0, found.st_size, spelling_of(entry.suffix), found.st_mtime_ns)


def _zip(path: Path, file: int, report: Report) -> Iterator[tuple[str, Member]]:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except Exception:  # noqa: BLE001 - a damaged directory raises anything, struct.error to UnicodeDecodeError
        report.skip("damaged archive", path.name)
        return
    if not entries:
        report.skip("empty archive", path.name)
    ordered = sorted(entries, key=lambda e: e.header_offset)
    overlapping = {b.header_offset for a, b in itertools.pairwise(ordered)
                   if a.header_offset + LOCAL_HEADER.size + a.compress_size > b.header_offset}
    for entry in entries:
        if entry.filename.endswith("/") and not entry.filename.lower().endswith(tuple(f"{s}/" for s in SUFFIXES)):
            continue  # a folder
        reason = _refused(entry)
        if reason is None and entry.header_offset in overlapping:
            reason = "overlapping members"
        if reason:
            report.skip(reason, f"{path.name}:{_printable(entry.filename)}")
            continue
        yield entry.filename, Member(file, entry.header_offset, entry.compress_size, entry.file_size,
                                     entry.compress_type, entry.CRC)


def _refused(entry: zipfile.ZipInfo) -> str | None:
    """Why a member of a zip is not read, None when it is."""
    name, kind = entry.filename, stat.S_IFMT(entry.external_attr >> 16)
    parts = name.split("/")
    if (name != entry.orig_filename or "\\" in name or name.startswith("/") or re.match(r"[A-Za-z]:", name)
            or any(part in ("", ".", "..") for part in parts) or not name.isprintable()):
        return "path trick"
    if kind not in (0, stat.S_IFREG):
        return "a link or device"
    if not is_picture(name):
        return "not a picture by its name"
    if entry.flag_bits & 0x1:
        return "encrypted"
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "unknown compression"
    if max(entry.file_size, entry.compress_size) > MAX_BYTES:
        return "too many bytes"
    return None


def _printable(name: str) -> str:
    return name if name.isprintable() and name else repr(name)

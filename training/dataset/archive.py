"""Members of zips and folders: listed safely, read without a handle that outlives the read.

A member is a row of six numbers, so that millions of them fit in an array. Reading opens the file anew, so that
forks, threads and workers need nothing of one another.
"""

from __future__ import annotations

import itertools
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from training.dataset.decode import BadPicture
from training.dataset.report import Report

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
SPELLINGS = (*SUFFIXES, *(suffix.upper() for suffix in SUFFIXES))
MAX_BYTES = 512 * 2**20  # of one member, unpacked
PLAIN = -1
LOCAL_HEADER = struct.Struct("<4s5H3I2H")  # APPNOTE.TXT 4.3.7


class Member(NamedTuple):
    """Where one picture lies."""

    file: int  # index of its zip or folder
    offset: int  # of the local header in the zip; PLAIN: a file of a folder
    packed: int  # bytes in the zip
    size: int  # bytes
    method: int  # zipfile's number of the compression; of a PLAIN one, the index of its suffix in SPELLINGS
    crc: int


def shards(part: Path) -> dict[str, Path]:
    """Shard name -> zip or folder, of `color`, `sketch` or `mask`; "" is the folder itself, for loose pictures."""
    found = {}
    if part.is_dir():
        entries = sorted(part.iterdir())
        found = {e.name: e for e in entries if e.is_dir() and not e.name.startswith(".")}
        found |= {e.stem: e for e in entries if e.suffix.lower() == ".zip" and e.is_file()}
        if any(e.suffix.lower() in SUFFIXES for e in entries):
            found[""] = part
    return found


def members(
    path: Path, file: int, report: Report, loose: bool = False, zips_apart: bool = False,
) -> dict[str, Member]:
    """Name without suffix -> member of a zip or folder; whatever cannot be used is counted in the report.

    loose: only the pictures that lie in the folder itself; the folders and zips in it are shards of their own.
    zips_apart: zips in the folder are the caller's.
    """
    listing = _folder(path, report, loose, loose or zips_apart) if path.is_dir() else _zip(path, report)
    found: dict[str, Member] = {}
    doubled: set[str] = set()
    for name, *numbers in listing:
        key = str(PurePosixPath(name).with_suffix(""))
        if key in found or key in doubled:
            report.skip("two members of one name", f"{path.name}:{name}")
            doubled.add(key)
            continue
        found[key] = Member(file, *numbers)
    for key in doubled:  # which one is meant nobody can say
        del found[key]
    return found


def _folder(path: Path, report: Report, loose: bool, zips_apart: bool) -> Iterator[tuple[str, int, int, int, int, int]]:
    root = path.resolve()
    for entry in sorted(path.iterdir() if loose else path.rglob("*")):
        name = entry.relative_to(path).as_posix()
        if entry.is_dir() or (zips_apart and entry.suffix.lower() == ".zip"):
            continue
        if entry.suffix not in SPELLINGS:
            report.skip("not a picture by its name", f"{path.name}/{name}")
        elif not entry.resolve().is_relative_to(root):
            report.skip("a link out of the folder", f"{path.name}/{name}")
        elif not entry.is_file():
            report.skip("not an ordinary file", f"{path.name}/{name}")
        else:
            yield name, PLAIN, 0, entry.stat().st_size, SPELLINGS.index(entry.suffix), 0


def _zip(path: Path, report: Report) -> Iterator[tuple[str, int, int, int, int, int]]:
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
            report.skip(reason, f"{path.name}:{printable(entry.filename)}")
            continue
        yield (entry.filename, entry.header_offset, entry.compress_size, entry.file_size, entry.compress_type,
               entry.CRC)


def _refused(entry: zipfile.ZipInfo) -> str | None:
    """Why a member of a zip is not read, None when it is."""
    name, kind = entry.filename, stat.S_IFMT(entry.external_attr >> 16)
    parts = name.split("/")
    if (name != entry.orig_filename or "\\" in name or name.startswith("/") or re.match(r"[A-Za-z]:", name)
            or any(part in ("", ".", "..") for part in parts) or not name.isprintable()):
        return "path trick"
    if kind not in (0, stat.S_IFREG):
        return "a link or device"
    if PurePosixPath(name).suffix.lower() not in SUFFIXES:
        return "not a picture by its name"
    if entry.flag_bits & 0x1:
        return "encrypted"
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "unknown compression"
    if max(entry.file_size, entry.compress_size) > MAX_BYTES:
        return "too many bytes"
    return None


def read(path: Path, name: str, member: Member) -> bytes:
    """The bytes of one member; path: its zip or folder, name: its key, for messages. BadPicture when damaged."""
    try:
        if member.offset == PLAIN:
            return _plain(path / f"{name}{SPELLINGS[member.method]}")
        with path.open("rb") as stream:
            stream.seek(member.offset)
            header = LOCAL_HEADER.unpack(stream.read(LOCAL_HEADER.size))
            local_name = stream.read(header[9]).decode("utf-8" if header[2] & 0x800 else "cp437")
            if header[0] != b"PK\x03\x04" or str(PurePosixPath(local_name).with_suffix("")) != name:
                raise BadPicture("damaged member", f"{path}:{name}: the archive's directory says another name")
            stream.seek(header[10], os.SEEK_CUR)
            packed = stream.read(member.packed)
    except (OSError, struct.error, UnicodeDecodeError) as error:
        raise BadPicture("damaged member", f"{path}:{name}: {error}") from None
    content = _unpacked(packed, member)
    if content is None:
        raise BadPicture("damaged member", f"{path}:{name}: not the {member.size} bytes that the archive promises")
    return content


def _plain(file: Path) -> bytes:
    if file.stat().st_size > MAX_BYTES:
        raise BadPicture("too many bytes", str(file))
    return file.read_bytes()


def _unpacked(packed: bytes, member: Member) -> bytes | None:
    """None when the data are damaged or more than promised (a bomb)."""
    if len(packed) != member.packed:
        return None
    if member.method == zipfile.ZIP_DEFLATED:
        inflate = zlib.decompressobj(-15)
        try:
            packed = inflate.decompress(packed, member.size + 1)
        except zlib.error:
            return None
    return packed if len(packed) == member.size and zlib.crc32(packed) == member.crc else None


def printable(name: str) -> str:
    return name if name.isprintable() and name else repr(name)

"""One member of a zip or folder: where it lies, and its bytes, read without a handle that outlives the read.

A member is a row of six numbers, so that millions of them fit in an array. Reading opens the file anew, so that
forks, threads and workers need nothing of one another. zipfile would read the archive's whole directory for each, and
unpacks what a bomb holds before it looks at how much was promised; so the local header is read here.
"""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from training.dataset.decode import BadPicture

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
MAX_BYTES = 512 * 2**20  # of one member, unpacked
PLAIN = -1
LOCAL_HEADER = struct.Struct("<4s5H3I2H")  # APPNOTE.TXT 4.3.7


class Member(NamedTuple):
    """Where one picture lies."""

    file: int  # index of its zip or folder
    offset: int  # of the local header in the zip; PLAIN: a file of a folder
    packed: int  # bytes in the zip
    size: int  # bytes
    method: int  # zipfile's number of the compression; of a PLAIN one, its suffix as `spelling_of` has it
    crc: int  # of the content; of a PLAIN one, when it was changed last, in ns


UNREAD = "could not be read"  # the disk's fault or the network's, of this moment: never remembered of a picture


def read_member(path: Path, name: str, member: Member) -> bytes:
    """The bytes of one member; path: its zip or folder, name: its key, for messages. BadPicture when damaged."""
    try:
        if member.offset == PLAIN:
            return _plain(path / f"{name}{suffix_of(member.method)}")
        with path.open("rb") as stream:
            stream.seek(member.offset)
            header = LOCAL_HEADER.unpack(stream.read(LOCAL_HEADER.size))
            local_name = stream.read(header[9]).decode("utf-8" if header[2] & 0x800 else "cp437")
            if header[0] != b"PK\x03\x04" or str(PurePosixPath(local_name).with_suffix("")) != name:
                raise BadPicture("damaged member", f"{path}:{name}: the archive's directory says another name")
            stream.seek(header[10], os.SEEK_CUR)
            packed = stream.read(member.packed)
    except OSError as error:
        raise BadPicture(UNREAD, f"{path}:{name}: {error.strerror or error}") from None
    except (struct.error, UnicodeDecodeError) as error:
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


def is_picture(name: str) -> bool:
    """By its suffix, in any case of its letters."""
    return PurePosixPath(name).suffix.lower() in SUFFIXES


def spelling_of(suffix: str) -> int:
    """A suffix of SUFFIXES in any case of its letters, such as .PnG, as one number."""
    capitals = sum(1 << place for place, letter in enumerate(suffix) if letter.isupper())
    return SUFFIXES.index(suffix.lower()) + len(SUFFIXES) * capitals


def suffix_of(spelling: int) -> str:
    """What `spelling_of` was given."""
    capitals, number = divmod(spelling, len(SUFFIXES))
    return "".join(letter.upper() if capitals >> place & 1 else letter for place, letter in enumerate(SUFFIXES[number]))

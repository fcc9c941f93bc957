"""Put a big file in its place: room on the disk, one writer at a time, whole or not at all, its hash beside it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ..errors import ColorizeError

RESERVE = 64 << 20  # bytes left free besides the file
LOCKED_BYTE = 1 << 20  # beyond what the lock file says, so that Windows lets others read that


def amount(count: float) -> str:
    """Bytes for people."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.2f} {unit}"
    return f"{count:.0f} bytes"


def make_folder(folder: Path) -> None:
    """Make the folder when it is missing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ColorizeError(f"{folder}: cannot be made: {error.strerror}; choose another models folder") from None


def require_space(folder: Path, needed: int) -> None:
    """ColorizeError when `needed` more bytes do not fit on the folder's disk."""
    free = shutil.disk_usage(folder).free
    if free < needed + RESERVE:
        raise ColorizeError(f"{folder}: {amount(free)} free, {amount(needed)} more needed; make room, or choose "
                            "another models folder")


def place(unfinished: Path, target: Path) -> None:
    """Give a whole file its name; ColorizeError rather than an overwritten file."""
    if target.exists():
        raise ColorizeError(f"{target}: there is a file of this name already; move it away and try again")
    try:
        os.replace(unfinished, target)
    except OSError as error:
        raise ColorizeError(f"{target}: not written: {error.strerror}; check the folder and try again") from None


def record_sha256(path: Path, sha256: str) -> None:
    """Write the hash beside the file, as `sha256sum` does; a folder that forbids it is no error."""
    with contextlib.suppress(OSError):
        _record(path).write_text(f"{sha256}  {path.name}\n", encoding="utf-8")


def recorded_sha256(path: Path) -> str | None:
    """The hash that was recorded, None without one or when the file is newer than it."""
    try:
        if _record(path).stat().st_mtime < path.stat().st_mtime:
            return None
        found = re.match(r"[0-9a-f]{64}\b", _record(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found.group() if found else None


def _record(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


@contextmanager
def only_one(target: Path) -> Iterator[None]:
    """Keep others, threads and processes, from writing the same file; ColorizeError when one already does.

    The system holds the lock, so a crash ends it: a lock file that is left behind bars nobody.
    """
    path = target.with_name(target.name + ".lock")
    try:
        stream = _locked(path)
    except OSError as error:
        raise ColorizeError(f"{path}: cannot be written: {error.strerror}; check the folder's permissions") from None
    if stream is None:
        raise ColorizeError(f"{target}: already being written {_holder(path)}; wait for it, or stop it there")
    try:
        stream.write(json.dumps({"process": os.getpid(), "since": time.strftime("%Y-%m-%d %H:%M")}))
        stream.truncate()
        stream.flush()
        yield
    finally:
        if sys.platform != "win32":
            path.unlink(missing_ok=True)  # while it is held: see _locked
        stream.close()
        if sys.platform == "win32":
            with contextlib.suppress(OSError):
                path.unlink()


def _locked(path: Path) -> IO[str] | None:
    """The open, locked file; None when somebody else holds it."""
    while True:
        path.touch()
        stream = path.open("r+", encoding="utf-8")
        if not _try_lock(stream):
            stream.close()
            return None
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(stream.fileno()), os.stat(path)):
                return stream
        stream.close()  # its former holder removed it between our opening and our locking: again


def _try_lock(stream: IO[str]) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            stream.seek(LOCKED_BYTE)
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
            stream.seek(0)
        else:
            import fcntl

            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:  # a network drive without locks: better no lock than no download
        return True
    return True


def _holder(path: Path) -> str:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return f"by process {said['process']} since {said['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "by another process"

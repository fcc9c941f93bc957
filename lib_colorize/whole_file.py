"""Files that are there whole or not at all: written under another name beside their own, synced, then renamed."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import ColorizeError

PREFIX = ".unfinished-"  # of the name while it is written; what a killed process leaves begins with it too
OF_THE_WHOLE_DISK = {errno.ENOSPC, errno.EROFS, errno.EIO, getattr(errno, "EDQUOT", errno.ENOSPC)}
OF_A_FULL_DISK = ("inline_container", "PytorchStreamWriter", "file write failed")  # torch's words for any failed write


class DiskError(ColorizeError):
    """A file that could not be written: the disk's fault, or the folder's, not that of the picture or the model."""


class NameRefused(DiskError):
    """Of one name alone: the folder takes files, but none of this name (too long, a folder's, a file in use)."""


class NameTaken(NameRefused):
    """A file of the name is there, and was to be kept."""


@contextmanager
def replacing(path: Path, keep: bool = False) -> Iterator[Path]:
    """A name in the same folder to write to; at the end on the disk and renamed to `path`, removed after any error.

    A failed write (full disk, no permission, no such folder) becomes a DiskError, and `path` is as it was before.
    keep: never write over a file, not even over one that came meanwhile: NameTaken.
    """
    if not os.path.isdir(path.parent):
        raise DiskError(f"{path}: there is no folder {path.parent}; make it first")
    if os.path.isdir(path):
        raise NameRefused(f"{path}: a folder, expected the name of a file to write")
    unfinished: Path | None = None
    moved = False
    try:
        unfinished, mode = _made(path.parent)
        yield unfinished
        unfinished.chmod(mode)  # who writes may have put another file there, which only its owner may read
        sync(unfinished)
        moved = True
        _claimed(unfinished, path) if keep else unfinished.replace(path)
    except Exception as error:
        if not _of_the_disk(error):
            raise
        if moved and getattr(error, "errno", None) not in OF_THE_WHOLE_DISK:
            raise NameRefused(f"{path}: a file of this name cannot be written: "
                              f"{getattr(error, 'strerror', None) or error}") from None
        with suppress(OSError):
            reason = f"{getattr(error, 'strerror', None) or error} ({_free(path.parent)} GB free)"
            raise DiskError(f"{path}: not written: {reason}; what was there is unchanged") from None
        raise DiskError(f"{path}: not written: {error}; what was there is unchanged") from None
    finally:
        if unfinished is not None:
            unfinished.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes | str, parents: bool = False, keep: bool = False) -> None:
    """All of the content (text as UTF-8) or no file, whatever happens; DiskError with the system's reason.

    keep: as of `replacing`.
    """
    if parents:
        ensure_folder(path.parent)
    with replacing(path, keep) as unfinished:
        unfinished.write_bytes(content.encode() if isinstance(content, str) else content)


def require_writable(folder: Path) -> None:
    """DiskError where no file can be made; told by making one, which says more than permissions do."""
    try:
        _made(folder)[0].unlink()
    except OSError as error:
        raise DiskError(f"{folder}: no file can be written there: {error.strerror or error}; name another") from None


def ensure_folder(folder: Path) -> None:
    """With all folders above it, if it is not there; DiskError with the system's reason."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        kind = NameRefused if isinstance(error, (FileExistsError, NotADirectoryError)) else DiskError
        raise kind(f"{folder}: this folder cannot be made: {error.strerror or error}; name another") from None


def sync(path: Path) -> None:
    """Wait until a file, or a folder's list of names, is on the disk; Windows has no way to ask that of a folder."""
    if path.is_dir():
        if os.name == "nt":
            return
        handle = os.open(path, os.O_RDONLY)
    else:
        handle = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _made(folder: Path) -> tuple[Path, int]:
    """A new, empty file of a name that nobody has, and the permissions that any new file gets there.

    They are read off the file: to ask for the umask is to change it, for all threads of the process.
    """
    path = folder / f"{PREFIX}{secrets.token_hex(8)}.part"  # torch wants a stem and a suffix
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
    try:
        return path, stat.S_IMODE(os.fstat(handle).st_mode)
    finally:
        os.close(handle)


def _claimed(unfinished: Path, path: Path) -> None:
    """Give a finished file its name, which nobody else has: of two who try, one gets it and the other NameTaken."""
    try:
        try:
            os.link(unfinished, path)
        except FileExistsError:
            raise
        except OSError:  # a disk without links (FAT, some shares): take the name first, empty
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666))
            unfinished.replace(path)
    except FileExistsError:
        raise NameTaken(f"{path}: is there already") from None


def _of_the_disk(error: Exception) -> bool:
    if isinstance(error, ColorizeError):
        return False
    torch_failed = isinstance(error, RuntimeError) and any(word in str(error) for word in OF_A_FULL_DISK)
    return isinstance(error, OSError) or torch_failed or type(error).__name__ == "SafetensorError"


def _free(folder: Path) -> str:
    return f"{shutil.disk_usage(folder).free / 1e9:.1f}"

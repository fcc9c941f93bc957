"""Small files that a host wants to read, in one fixed folder: hosts may end at any moment, and clean nothing up.

Each is named by its content and written once, whole, so that any number of hosts share the folder, also at the same
time, and it grows only by networks of other sizes.
"""

from __future__ import annotations

import functools
import hashlib
import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ....errors import ColorizeError
from ....whole_file import write_whole

NAME = "colorize-diffusion"


def host_file(content: str, suffix: str) -> Path:
    """The path of a file with that content; the same for the same content, as long as it lies there."""
    return _kept(host_folder() / f"{_digest(content)}{suffix}", content)


def host_files(contents: Mapping[str, str]) -> Path:
    """The path of a folder with these files, relative path -> content; the same for the same contents."""
    folder = host_folder() / _digest(repr(sorted(contents.items())))
    for name, content in contents.items():
        _kept(folder / name, content)
    return folder


@functools.cache
def host_folder() -> Path:
    """The folder, below the system's folder for temporary files, for this user alone."""
    user = getattr(os, "getuid", lambda: "")()  # Windows has a temporary folder for each user
    folder = Path(tempfile.gettempdir()) / f"{NAME}-{user}".rstrip("-")
    try:
        folder.mkdir(0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise ColorizeError(f"{folder}: cannot be made: {error.strerror or error}; remove what is there, or set TMPDIR "
                            "to a folder that may be written to") from None
    if not stat.S_ISDIR(found.st_mode) or (user != "" and found.st_uid != user):
        raise ColorizeError(f"{folder}: belongs to somebody else, and a WebUI would load what it says; remove it, or "
                            "set TMPDIR to a folder of your own")
    return folder


def _kept(path: Path, content: str) -> Path:
    if not path.is_file() or path.read_bytes() != content.encode():
        write_whole(path, content, parents=True)
    return path


def _digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()[:16]

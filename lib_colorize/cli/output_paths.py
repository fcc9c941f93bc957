"""Where results go: names of a batch, and what is never written over."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..errors import ColorizeError
from ..method.mask_settings import Backdrop
from ..method.settings import Settings
from ..whole_file import require_writable
from .result_file import FORMATS, check_format

Identity = tuple[int, int]  # of a file, whatever names it has
DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{i}" for port in ("com", "lpt") for i in range(1, 10))}


def output_paths(output: Path, batch: int) -> list[Path]:
    """OUT.png, or OUT-1.png, OUT-2.png, ... of a batch."""
    if batch == 1:
        return [output]
    return [output.with_name(f"{output.stem}-{i + 1}{output.suffix}") for i in range(batch)]


def check_output(output: Path, inputs: Iterable[Path], batch: int = 1, quality: int | None = None) -> None:
    """ColorizeError for an output that could not be written in the end, before any work."""
    check_format(output, quality)
    if not os.path.isdir(output.parent):
        raise ColorizeError(f"{output}: the folder {output.parent} does not exist; make it first")
    if os.name == "nt" and is_device(output.name):
        raise ColorizeError(f"{output}: Windows has a device of this name; name another file")
    require_writable(output.parent)
    kept = identities(inputs)
    for path in output_paths(output, batch):
        require_name(path)
        if os.path.isdir(path):
            raise ColorizeError(f"{path}: is a folder; name a file")
        require_no_input(path, kept)


def require_transparency(path: Path, settings: Settings, typed: str = "") -> None:
    """ColorizeError for a format that cannot hold a result of these settings. typed: what chose it, if not the path."""
    if settings.backdrop is Backdrop.TRANSPARENT and FORMATS.get(path.suffix.lower()) == "JPEG":
        others = "png or webp" if typed else "a .png or .webp"
        raise ColorizeError(f"{typed or path}: a JPEG holds no transparency; name {others}, or leave out --backdrop "
                            f"{settings.backdrop.value}")


def require_name(path: Path) -> None:
    """ColorizeError for a name that the disk refuses."""
    try:
        os.lstat(path)
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ColorizeError(f"{path}: a file of this name cannot be written: {reason}; name another") from None


def require_no_input(path: Path, kept: frozenset[Identity]) -> None:
    """ColorizeError for a path that is one of the files that are kept, by whatever name."""
    if (found := identity(path)) is not None and found in kept:
        raise ColorizeError(f"{path}: is one of the inputs; name another file")


def require_no_input_in(path: Path, kept: frozenset[Identity]) -> None:
    """The same of a file or a folder that is written to: of a folder, for all that lies in it."""
    require_no_input(path, kept)
    for file in path.iterdir() if path.is_dir() else ():
        require_no_input(file, kept)


def outputs_clear(paths: Sequence[Path], force: bool) -> None:
    """ColorizeError when a file is in the way."""
    for path in paths:
        if os.path.lexists(path) and not force:
            raise ColorizeError(f"{path}: is there already; --force writes over it")


def identities(paths: Iterable[Path]) -> frozenset[Identity]:
    """Of the files that are there."""
    return frozenset(found for path in paths if (found := identity(path)) is not None)


def identity(path: Path) -> Identity | None:
    """None when there is no such file."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def state(path: Path) -> tuple[int, int, int] | None:
    """Another one after anybody has written the file; None when there is none."""
    try:
        found = os.stat(path, follow_symlinks=False)
    except (OSError, ValueError):
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def is_device(name: str) -> bool:
    """Whether Windows takes a file's name for a device, with any suffix: CON, nul.png, com1.tar.png."""
    return name.partition(".")[0].rstrip().lower() in DEVICES

"""Which files of a folder are sketches: told by their names, and where these say nothing by their first bytes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import ColorizeError
from .output_paths import Identity, identity

SUFFIXES = frozenset((  # of pictures that are read, or whose owner should hear that they are not
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff", ".tga", ".psd",
    ".pcx", ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".j2k", ".jpx", ".avif", ".heic", ".heif", ".qoi", ".jxl", ".eps"))
STARTS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*", b"8BPS\0\x01")
OF_SYSTEMS = frozenset(("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"))  # told to nobody, as hidden files are
FOLDERS_OF_SYSTEMS = frozenset(("__macosx", "@eadir", "#recycle", "$recycle.bin", "system volume information"))


@dataclass
class SketchFiles:
    """What a folder holds; paths below it, sorted."""

    folder: Path
    sketches: list[Path] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)  # no pictures, and pictures with another part in the job
    closed: list[ColorizeError] = field(default_factory=list)  # subfolders that cannot be read
    subfolders: int = 0  # left out

    @classmethod
    def of(cls, folder: Path, recursive: bool = False, left_out: frozenset[Identity] = frozenset()) -> SketchFiles:
        """left_out: files and folders with another part in the job. ColorizeError when nothing is left."""
        found = cls(folder)
        found._add(Path(), recursive, {*left_out, *filter(None, [identity(folder)])})
        found.sketches.sort()
        if not found.sketches and not found.closed:
            more = ("; its subfolders are taken with --recursive" if found.subfolders
                    else f" among {len(found.others)} files" if found.others else "")
            raise ColorizeError(f"{folder}: no pictures in it{more}")
        return found

    def _add(self, below: Path, recursive: bool, seen: set[Identity]) -> None:
        try:
            with os.scandir(self.folder / below) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            refused = ColorizeError(f"{self.folder / below}: cannot be read: {error.strerror or error}")
            if not below.parts:
                raise refused from None
            self.closed.append(refused)
            return
        for entry in entries:
            path, name = below / entry.name, entry.name.lower()
            if name.startswith(".") or name in OF_SYSTEMS or name in FOLDERS_OF_SYSTEMS:
                continue
            inside = self.folder / path
            if os.path.isdir(inside):
                self._add_folder(path, recursive, seen)
            elif identity(inside) not in seen and is_sketch(inside):
                self.sketches.append(path)
            else:
                self.others.append(path)

    def _add_folder(self, path: Path, recursive: bool, seen: set[Identity]) -> None:
        """Every folder once, whatever links lead to it: a loop ends."""
        own = identity(self.folder / path)
        if own is None or own in seen:
            return
        if recursive:
            seen.add(own)
            self._add(path, recursive, seen)
        else:
            self.subfolders += 1

    def notes(self) -> Iterator[str]:
        """What was left out, a line for each kind."""
        if self.others:
            names = ", ".join(str(path) for path in self.others[:3])
            more = f" and {len(self.others) - 3} more" if len(self.others) > 3 else ""
            yield f"not taken for sketches: {names}{more}"
        if self.subfolders:
            yield f"{self.subfolders} subfolders are left out; --recursive takes them too"


def is_sketch(path: Path) -> bool:
    """By its suffix, also when it is broken: then its owner is told. Else by its content."""
    if path.suffix.lower() in SUFFIXES:
        return True
    if not os.path.isfile(path):
        return False
    try:
        with path.open("rb") as stream:
            start = stream.read(16)
    except OSError:
        return False
    return start.startswith(STARTS) or (start[:4], start[8:12]) == (b"RIFF", b"WEBP") or (
        start[4:12] in (b"ftypavif", b"ftypheic"))

"""What Windows refuses and Linux lets pass, as far as Linux can tell."""

from __future__ import annotations

import os
from pathlib import Path

MAX_NAME = 100  # of 260 characters for a whole path: what is left over is the user's folder
FORBIDDEN = set('<>:"|?*\\') | {chr(i) for i in range(32)}
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{i}" for port in ("com", "lpt") for i in range(1, 10))}


def refused_name(name: str) -> str | None:
    """Why a file cannot have this name there, or None."""
    if bad := sorted(FORBIDDEN & set(name)):
        return f"{name!r} holds {' '.join(map(repr, bad))}"
    if name.partition(".")[0].rstrip().lower() in RESERVED:
        return f"{name!r} is a device"
    if name.endswith((".", " ")):
        return f"{name!r} ends in a dot or a space"
    return f"{name!r} is longer than {MAX_NAME}" if len(name) > MAX_NAME else None


def held(path: str | os.PathLike[str]) -> bool:
    """Whether this process has the file (or a file in the folder) open or mapped into memory. Linux alone knows."""
    wanted = os.path.realpath(path)
    return any(name == wanted or name.startswith(wanted + os.sep) for name in _open_files() | _mapped_files())


def _open_files() -> set[str]:
    found = set()
    for handle in os.listdir("/proc/self/fd"):
        try:
            found.add(os.readlink(f"/proc/self/fd/{handle}"))
        except OSError:  # the listing's own, closed by now
            continue
    return found


def _mapped_files() -> set[str]:
    lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    return {line[line.index("/"):] for line in lines if "/" in line}

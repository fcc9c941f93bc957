"""Which files below a host's folders may be models, and are worth a look inside."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from .catalogue import MODEL_SUFFIXES, Folders

SMALL_PICKLE = 16_000_000  # bytes; nothing of a pickle is read before its size says that it may be an encoder
BIG_PICKLE = (1_200_000_000, 4_200_000_000)  # from the vision half in fp16 to a full CLIP in fp32


def candidates(folders: Folders) -> Iterator[tuple[Path, bool, bool]]:
    """Each model file once: path, whether in the own folder, whether a pickle may be opened there."""
    visited: set[str] = set()
    tops = [(folders.own, True, True), *((f, False, True) for f in (*folders.clip_vision, *folders.controlnet)),
            *((f, False, False) for f in folders.checkpoints)]
    for top, own, pickles in tops:
        for folder, below, names in os.walk(top, followlinks=True):
            if (real := os.path.realpath(folder)) in visited:
                below.clear()
                continue
            visited.add(real)
            below.sort()
            for name in sorted(names):
                path = Path(folder, name)
                if path.suffix.lower() not in MODEL_SUFFIXES or name.startswith("."):
                    continue
                if (real := os.path.realpath(path)) not in visited:
                    visited.add(real)
                    yield path, own, pickles


def worth_opening(path: Path, status: os.stat_result, pickles: bool) -> bool:
    """A safetensors header is cheap; a pickle must have the size of an encoder, and a big one be of the mapped kind."""
    if not stat.S_ISREG(status.st_mode):
        return False
    with path.open("rb") as stream:
        start = stream.read(9)
    zipped, old = start.startswith(b"PK"), start.startswith(b"\x80")  # old: of before PyTorch 1.6, read as a whole
    if start[8:9] == b"{" or not (zipped or old):
        return True
    plausible = BIG_PICKLE[0] <= status.st_size <= BIG_PICKLE[1]
    return pickles and (status.st_size <= SMALL_PICKLE or (zipped and plausible))

"""Find the checkpoints and reference encoders that are already there.

Files are told by their headers, never by their names, and each is looked at once while it does not change.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..errors import ColorizeError
from .candidates import SMALL_PICKLE, candidates, worth_opening
from .catalogue import Folders
from .encoders import FoundEncoder, preference

if TYPE_CHECKING:  # what follows imports torch
    from ..checkpoint.identify import CheckpointInfo
    from ..checkpoint.kinds import Kind



@dataclass(frozen=True)
class FoundCheckpoint:
    """A colorize checkpoint on the disk."""

    path: Path
    kind: Kind
    context_dim: int
    encoder_inside: bool
    size: int


class Skipped(NamedTuple):
    """A file that looked like one of ours and cannot be used."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Scan:
    """What the folders hold."""

    encoders: tuple[FoundEncoder, ...]
    checkpoints: tuple[FoundCheckpoint, ...]
    skipped: tuple[Skipped, ...]


def scan(folders: Folders) -> Scan:
    """Look through all folders. Never raises: what cannot be read is in `skipped`, with the reason."""
    encoders: list[FoundEncoder] = []
    checkpoints: list[FoundCheckpoint] = []
    skipped: list[Skipped] = []
    for path, own, pickles in candidates(folders):
        try:
            status = path.stat()
            if not worth_opening(path, status, pickles):
                continue
        except OSError as error:
            skipped.append(Skipped(path, f"cannot be read: {error.strerror}"))
            continue
        seen = _look(str(path), status.st_size, status.st_mtime_ns)
        if seen.reason:
            if own or path.suffix == ".safetensors" or status.st_size > SMALL_PICKLE:  # not another program's leftovers
                skipped.append(Skipped(path, seen.reason))
        elif seen.info is not None and seen.info.config is not None:
            checkpoints.append(_checkpoint(path, seen.info, status.st_size))
        elif seen.info is not None and (tower := seen.info.reference) is not None:
            encoders.append(FoundEncoder(path, seen.info.kind, tower.width, tower.layers, tower.output_dim, seen.dtype,
                                         status.st_size, own))
    return Scan(tuple(encoders), tuple(checkpoints), tuple(skipped))


def find_reference_encoders(folders: Folders) -> list[FoundEncoder]:
    """Every reference encoder, in any of the three layouts, in the order in which they would be chosen."""
    return sorted(scan(folders).encoders, key=preference)


class _Seen(NamedTuple):
    info: CheckpointInfo | None = None  # of a checkpoint or encoder of ours
    dtype: str = ""
    reason: str = ""


@lru_cache(maxsize=4096)
def _look(path: str, size: int, mtime_ns: int) -> _Seen:
    """What the file is; kept, failures too, while size and time are the same."""
    from ..checkpoint.files import open_tensors
    from ..checkpoint.identify import identify
    from ..checkpoint.kinds import COLORIZE, REFERENCE
    from ..checkpoint.report import DTYPES

    try:
        with open_tensors(path) as file:
            info = identify(file.entries, file.metadata)
            weights: Counter[str] = Counter()
            for entry in file.entries.values():
                weights[entry.dtype] += entry.bytes
    except ColorizeError as error:
        return _Seen(reason=str(error).removeprefix(f"{path}: "))
    if info.kind not in (*COLORIZE, *REFERENCE.values()):
        return _Seen()
    problem = problem_of(info)
    most = weights.most_common(1)[0][0]
    return _Seen(reason=problem) if problem else _Seen(info, DTYPES.get(most, most))


def problem_of(info: CheckpointInfo) -> str:
    """Why a checkpoint or encoder cannot be loaded, "" when it can."""
    if info.notes or (info.config is None and info.reference is None):
        return "; ".join(info.notes) or f"{info.kind.value}, of unknown sizes"
    return f"{info.differing}; damaged, or of another architecture" if info.differing else ""


def _checkpoint(path: Path, info: CheckpointInfo, size: int) -> FoundCheckpoint:
    assert info.config is not None
    return FoundCheckpoint(path, info.kind, info.config.unet.context_dim, info.reference is not None, size)

"""Find the checkpoints and reference encoders that are already there, and choose among them.

Files are told by their headers, never by their names, and each is looked at once while it does not change.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..errors import ColorizeError
from .catalogue import MODEL_SUFFIXES, Purpose, recommended
from .catalogue import Folders as Folders  # hosts take it from here

if TYPE_CHECKING:  # what follows imports torch
    from ..checkpoint.identify import CheckpointInfo, Kind

TOWERS = {1024: (1280, 32)}  # U-Net's context width -> ViT-H's width and layers; ViT-g gives tokens of 1024 too
SMALL_PICKLE = 16_000_000  # bytes; nothing of a pickle is read before its size says that it may be an encoder
BIG_PICKLE = (1_200_000_000, 4_200_000_000)  # from the vision half in fp16 to a full CLIP in fp32


@dataclass(frozen=True)
class FoundEncoder:
    """A reference encoder on the disk; `output_dim` is its tokens' width, dtype "fp16", "fp32", ..."""

    path: Path
    layout: Kind
    width: int
    layers: int
    output_dim: int
    dtype: str
    size: int
    own: bool  # in the extension's own folder

    def fits(self, context_dim: int) -> bool:
        """Whether a U-Net of this context width can have been trained with it."""
        tower = TOWERS.get(context_dim, (self.width, self.layers))
        return self.output_dim == context_dim and (self.width, self.layers) == tower


@dataclass(frozen=True)
class FoundCheckpoint:
    """A colorize checkpoint on the disk; runs: this version can colour with it."""

    path: Path
    kind: Kind
    context_dim: int
    encoder_inside: bool
    runs: bool
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
    for path, own, pickles in _candidates(folders):
        try:
            status = path.stat()
            if not _worth_opening(path, status, pickles):
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
    return sorted(scan(folders).encoders, key=_preference)


def choose_reference_encoder(
    found: list[FoundEncoder], context_dim: int, wanted: str | None = None, own: Path | None = None,
) -> FoundEncoder:
    """The encoder for a U-Net of this context width: the user's choice, else the cheapest to read.

    wanted: a path or file name of `found`; own: the folder that a message tells the user to put the file into.
    """
    if wanted:
        named = [e for e in found if wanted in (str(e.path), e.path.name)]
        if not named:
            raise ColorizeError(f"reference encoder {wanted!r}: not found; found are "
                                f"{', '.join(e.path.name for e in found) or 'none'}")
        found = named
    fitting = sorted((e for e in found if e.fits(context_dim)), key=_preference)
    if fitting:
        return fitting[0]
    has = "; ".join(f"{e.path.name} is of width {e.width} and gives tokens of {e.output_dim}" for e in found)
    raise ColorizeError(f"no reference encoder for this checkpoint (found: {has or 'none'}); "
                        f"{_needed(context_dim, own)}")


def _needed(context_dim: int, own: Path | None) -> str:
    if context_dim not in TOWERS:
        return (f"expected one that gives tokens of {context_dim}, which no published file does: use a checkpoint "
                "with its own encoder inside")
    entry = recommended(Purpose.REFERENCE_ENCODER)
    return (f"expected {entry.about}, {entry.size_text}, {entry.licence.name} licence: download it in the models "
            f"panel, or put {entry.name} into {own or 'models/ColorizeDiffusion'}; copies in ControlNet's and "
            "IP-Adapter's folders are found too")


def _preference(encoder: FoundEncoder) -> tuple[bool, bool, bool, bool, int, str]:
    """Own folder, safetensors, vision half alone, half precision, small."""
    return (not encoder.own, encoder.path.suffix != ".safetensors", "full CLIP" in encoder.layout.value,
            encoder.dtype not in ("fp16", "bf16"), encoder.size, str(encoder.path))


def _candidates(folders: Folders) -> Iterator[tuple[Path, bool, bool]]:
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


def _worth_opening(path: Path, status: os.stat_result, pickles: bool) -> bool:
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


class _Seen(NamedTuple):
    info: CheckpointInfo | None = None  # of a checkpoint or encoder of ours
    dtype: str = ""
    reason: str = ""


@lru_cache(maxsize=4096)
def _look(path: str, size: int, mtime_ns: int) -> _Seen:
    """What the file is; kept, failures too, while size and time are the same."""
    from ..checkpoint.files import open_tensors
    from ..checkpoint.identify import COLORIZE, REFERENCE, identify
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
    from ..checkpoint.identify import Kind

    assert info.config is not None
    return FoundCheckpoint(path, info.kind, info.config.unet.context_dim, info.reference is not None,
                           info.kind in (Kind.V1, Kind.OURS), size)

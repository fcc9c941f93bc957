"""Take in a model file from elsewhere (another disk, another program): check it, then copy it to where it belongs."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

from ..errors import ColorizeError
from .catalogue import MODEL_SUFFIXES, Folders, Purpose, recommended
from .disk import amount, make_folder, only_one, place, record_sha256, require_space
from .scan import problem_of

CopyProgress = Callable[[int, int], None]  # bytes done, bytes in all
BLOCK = 4 << 20


def require_kind(path: Path, purpose: Purpose) -> None:
    """ColorizeError unless the file is a whole one of that purpose; reads its header only."""
    from ..checkpoint.files import open_tensors
    from ..checkpoint.identify import identify
    from ..checkpoint.kinds import COLORIZE, REFERENCE

    with open_tensors(path) as file:
        info = identify(file.entries, file.metadata)
    kinds = COLORIZE if purpose is Purpose.CHECKPOINT else tuple(REFERENCE.values())
    if info.kind not in kinds:
        raise ColorizeError(f"{path}: {info.kind.value}; expected a {purpose.value} such as "
                            f"{recommended(purpose).name}")
    if problem := problem_of(info):
        raise ColorizeError(f"{path}: {problem}")


def import_file(
    path: str | os.PathLike[str], folders: Folders, purpose: Purpose, progress: CopyProgress | None = None,
    cancel: threading.Event | None = None,
) -> Path:
    """Copy a file from elsewhere (another disk, another program) to where it belongs, and tell where that is.

    It is checked first, and a file of the same name with other content is never overwritten.
    """
    source = Path(path).expanduser()
    require_kind(source, purpose)
    target = folders.target(purpose) / source.name
    if source.suffix.lower() not in MODEL_SUFFIXES:
        raise ColorizeError(f"{source}: hosts list only {', '.join(MODEL_SUFFIXES)}; rename it first")
    make_folder(target.parent)
    with only_one(target):
        if target.exists():
            return _same(source, target)
        require_space(target.parent, source.stat().st_size)
        unfinished = target.with_name(f"{target.name}.importing")
        try:
            sha256 = _copy(source, unfinished, progress, cancel)
            place(unfinished, target)
        finally:
            unfinished.unlink(missing_ok=True)
        record_sha256(target, sha256)
    return target


def _same(source: Path, target: Path) -> Path:
    from ..checkpoint.files import file_sha256

    if not os.path.samefile(source, target) and (
            source.stat().st_size != target.stat().st_size or file_sha256(source) != file_sha256(target)):
        raise ColorizeError(f"{target}: another file of this name is there already "
                            f"({amount(target.stat().st_size)}); rename one of them")
    return target


def _copy(source: Path, unfinished: Path, progress: CopyProgress | None, cancel: threading.Event | None) -> str:
    """Copy, wait until it is on the disk, and give the sha256 of what was copied."""
    digest, done, total = hashlib.sha256(), 0, source.stat().st_size
    try:
        with source.open("rb") as reader, unfinished.open("wb") as writer:
            while block := reader.read(BLOCK):
                if cancel is not None and cancel.is_set():
                    raise ColorizeError(f"{source}: import stopped; nothing was changed")
                writer.write(block)
                digest.update(block)
                done += len(block)
                if progress is not None:
                    progress(done, total)
            writer.flush()
            os.fsync(writer.fileno())
    except OSError as error:
        raise ColorizeError(f"{source}: not imported: {error.strerror} at {amount(done)}; nothing was "
                            "changed") from None
    if done != total:
        raise ColorizeError(f"{source}: changed while it was copied; try again when it is finished")
    return digest.hexdigest()

"""A file that has not come whole yet, and what is known about the whole; survives crashes and power cuts."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from ..errors import ColorizeError
from ..whole_file import write_whole

BLOCK = 1 << 20
SYNC = 64 << 20  # bytes; after a power cut the file is trusted up to the last time that it was surely written


@dataclass(frozen=True)
class Offer:
    """What a server says about the file: by this, a part of it is known to belong to the same file later."""

    url: str
    size: int | None = None
    etag: str = ""
    modified: str = ""
    sha256: str = ""  # Hugging Face states it for big files

    @property
    def validator(self) -> str:
        """What `If-Range` may name: a strong ETag, else the date."""
        return self.modified if self.etag.startswith("W/") or not self.etag else self.etag

    def same_file(self, other: Offer) -> bool:
        """Whether both are surely the same bytes; in doubt not."""
        if self.size is None or self.size != other.size:
            return False
        if self.sha256 and other.sha256:
            return self.sha256 == other.sha256
        return self.url == other.url and bool(self.validator) and self.validator == other.validator


class PartFile:
    """`TARGET.part`, and `TARGET.part.json` which says what it is a part of. Use as a context manager."""

    def __init__(self, target: Path) -> None:
        self.name = target.name
        self.path = target.with_name(target.name + ".part")
        self.notes = target.with_name(target.name + ".part.json")
        self.done = 0
        self.offer: Offer | None = None
        self.resumed = False  # some bytes are of an earlier run
        self._synced, self._digest = 0, hashlib.sha256()
        with self._own_disk():
            self.path.touch()
            self._stream = self.path.open("r+b")

    def __enter__(self) -> PartFile:
        """Take up what an earlier run left, as far as it was surely written."""
        try:
            said = json.loads(self.notes.read_text(encoding="utf-8"))
            kept = min(int(said.pop("written")), os.fstat(self._stream.fileno()).st_size)
            self.offer = Offer(**said)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            self.restart(None)
            return self
        with self._own_disk():
            self._stream.truncate(kept)
            while block := self._stream.read(BLOCK):
                self._digest.update(block)
        self.done = self._synced = kept
        self.resumed = kept > 0
        return self

    def __exit__(self, *_: object) -> None:
        if not self._stream.closed:
            with contextlib.suppress(ColorizeError):  # a full disk, most likely: told already
                self.sync()
            self._stream.close()

    @property
    def sha256(self) -> str:
        """Of what is there, in hex."""
        return self._digest.hexdigest()

    def restart(self, offer: Offer | None) -> None:
        """From the first byte."""
        with self._own_disk():
            self._stream.seek(0)
            self._stream.truncate()
        self.done = self._synced = 0
        self.offer, self.resumed, self._digest = offer, False, hashlib.sha256()
        self.sync()

    def write(self, block: bytes) -> None:
        """Append."""
        with self._own_disk():
            self._stream.write(block)
        self._digest.update(block)
        self.done += len(block)
        if self.done - self._synced >= SYNC:
            self.sync()

    def sync(self) -> None:
        """Wait until it is on the disk, then note how much that is."""
        with self._own_disk():
            self._stream.flush()
            os.fsync(self._stream.fileno())
            self._synced = self.done
            if self.offer is None:
                self.notes.unlink(missing_ok=True)
                return
            write_whole(self.notes, json.dumps({**asdict(self.offer), "written": self.done}))

    def finish(self) -> None:
        """Close; the part is whole and gets its name next."""
        self.sync()
        self._stream.close()
        self.notes.unlink(missing_ok=True)

    def remove(self) -> None:
        """Leave nothing behind."""
        self._stream.close()
        self.path.unlink(missing_ok=True)
        self.notes.unlink(missing_ok=True)

    @contextmanager
    def _own_disk(self) -> Iterator[None]:
        """An error of the own disk is told at once: no other server would help."""
        try:
            yield
        except OSError as error:
            raise ColorizeError(f"{self.path}: cannot be written: {error.strerror}; what came so far is kept, make "
                                "room or check the folder's permissions, and start it again") from None

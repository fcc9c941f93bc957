"""What made a picture, in one text chunk of its PNG: enough to make it again, bit for bit, on the same machine."""

from __future__ import annotations

import io
import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PIL import Image, PngImagePlugin

from ..checkpoint.files import file_sha256
from ..errors import ColorizeError
from ..method.settings import Settings
from ..whole_file import write_whole

KEY = "ColorizeDiffusion"  # keyword of the text chunk; its text is JSON


@dataclass(frozen=True)
class FileRecord:
    """A file that a picture was made from; path is relative to the picture's folder, so that both can move."""

    name: str
    path: str
    sha256: str

    @classmethod
    def of(cls, path: Path, folder: Path, sha256: str) -> FileRecord:
        """The record of a file of that hash, for a picture in `folder`."""
        try:
            relative = os.path.relpath(path, folder)
        except ValueError:  # another drive of Windows
            relative = os.path.abspath(path)
        return cls(path.name, Path(relative).as_posix(), sha256)

    def find(self, folder: Path, given: str | None, what: str) -> Path:
        """The file itself: the given path, else the recorded one; ColorizeError when it is gone or differs."""
        path = Path(given) if given else folder / self.path
        if not path.is_file():
            raise ColorizeError(f"{what} {path}: no such file; the picture was made from {self.name!r}, name it")
        if file_sha256(path) != self.sha256:
            raise ColorizeError(f"{what} {path}: not the file that the picture was made from ({self.name!r}, sha256 "
                                f"{self.sha256[:12]}...)")
        return path


@dataclass(frozen=True)
class Record:
    """Everything that a picture follows from."""

    settings: Settings  # of this picture alone: its own seed, batch 1
    sketch: FileRecord
    reference: FileRecord
    checkpoint: FileRecord
    reference_encoder: FileRecord | None  # None = inside the checkpoint
    prediction: str
    device: str
    dtype: str
    threads: int  # another number of threads may round otherwise
    versions: dict[str, str]

    def to_text(self) -> str:
        """JSON; `from_text` is the inverse."""
        return json.dumps({**asdict(self), "settings": self.settings.to_infotext()})

    @classmethod
    def from_text(cls, text: str) -> Record:
        """The record; ColorizeError when the text is none."""
        try:
            values: dict[str, Any] = json.loads(text)
            files = {name: FileRecord(**values.pop(name)) for name in ("sketch", "reference", "checkpoint")}
            encoder = values.pop("reference_encoder")
            settings = Settings.from_infotext(values.pop("settings"))
            values |= {**files, "reference_encoder": FileRecord(**encoder) if encoder else None}
            return cls(settings=settings, **values)
        except ColorizeError:
            raise
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ColorizeError(f"the record in the picture is damaged ({error}); it cannot be repeated") from None

    def same_picture(self, other: Record) -> bool:
        """True when both follow from the same contents and settings; not where files lie, nor on what it ran."""
        return self._what() == other._what()

    def _what(self) -> tuple[object, ...]:
        encoder = self.reference_encoder
        return (self.settings, self.sketch.sha256, self.reference.sha256, self.checkpoint.sha256,
                encoder and encoder.sha256, self.prediction, self.dtype)


def save_png(image: Image.Image, path: Path, record: Record) -> None:
    """Write the PNG under a temporary name and rename it: the file is there whole or not at all."""
    text = PngImagePlugin.PngInfo()
    text.add_itxt(KEY, record.to_text())
    encoded = io.BytesIO()
    image.save(encoded, "PNG", pnginfo=text)
    write_whole(path, encoded.getvalue())


def read_record(path: str | os.PathLike[str]) -> Record:
    """The record of a picture made by this program; ColorizeError for any other file."""
    try:
        with Image.open(path) as image:
            text = image.info.get(KEY)
    except FileNotFoundError:
        raise ColorizeError(f"{path}: no such file") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ColorizeError(f"{path}: not a picture ({error})") from None
    if not isinstance(text, str):
        raise ColorizeError(f"{path}: carries no settings of this program; was it saved again by another one?")
    return Record.from_text(text)


def versions() -> dict[str, str]:
    """Versions of what the numbers depend on; names that are not installed are left out."""
    from importlib.metadata import PackageNotFoundError, version

    known = {"python": ".".join(map(str, sys.version_info[:3]))}
    for name in ("torch", "k-diffusion", "open-clip-torch", "pillow", "stable-diffusion-sdkit"):
        try:
            known[name] = version(name)
        except PackageNotFoundError:
            continue
    return known

"""What made a picture: enough to make it again, bit for bit, on the same machine."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from ..checkpoint.files import file_sha256
from ..errors import ColorizeError
from ..method.settings import Settings
from ..pictures.extras import FURTHER, LAST, PICTURES
from . import record_values as values

MODELS = ("text_encoder",)  # files that are no pictures, beside checkpoint and reference encoder
PALETTE = "palette"  # a file of colours


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

    @classmethod
    def from_json(cls, found: object, what: str) -> FileRecord:
        """What the JSON of a record says of one file; ColorizeError when that cannot be."""
        entry = values.read_dictionary(found, what, tuple(item.name for item in fields(cls)))
        return cls(values.read_text(entry["name"], f"{what}'s name"), values.read_text(entry["path"], f"{what}'s path"),
                   values.read_text(entry["sha256"], f"{what}'s sha256", "[0-9a-f]{64}"))

    def find(self, folder: Path, given: str | None, what: str) -> Path:
        """The file itself: the given path, else the recorded one; ColorizeError when it is gone or differs."""
        path = folder / self.path if given is None else Path(given)
        try:
            if not path.is_file():
                raise ColorizeError(f"{what} {path}: no such file; the picture was made from {self.name!r}, name it")
            found = file_sha256(path)
        except OSError as error:  # a name that no system takes, a folder that is not ours
            raise ColorizeError(f"{what} {path}: cannot be read: {error.strerror or error}; name it") from None
        if found != self.sha256:
            raise ColorizeError(f"{what} {path}: not the file that the picture was made from ({self.name!r}, sha256 "
                                f"{self.sha256[:12]}...)")
        return path


@dataclass(frozen=True)
class Record:
    """Everything that a picture follows from. The entries that have a default are written when they say something."""

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
    files: Mapping[str, FileRecord] = field(default_factory=dict)  # by names of PICTURES, MODELS and PALETTE
    weights: Mapping[str, float] = field(default_factory=dict)  # of references, by "reference" and names of FURTHER
    read_as: str = ""  # how the sketch was read, in words; told, never compared
    lossy: str = ""  # how the pixels were changed as the file was written, such as "JPEG, quality 95"

    def to_text(self) -> str:
        """JSON in ASCII; `from_text` is the inverse."""
        entries = {**asdict(self), "settings": self.settings.to_infotext()}
        return json.dumps({key: value for key, value in entries.items() if value or key not in OPTIONAL})

    @classmethod
    def from_text(cls, text: str) -> Record:
        """The record; ColorizeError, always in the same words, when the text is none or a value of it cannot be."""
        try:
            found = values.read_dictionary(json.loads(text), "the record", REQUIRED, OPTIONAL)
            return cls(**{name: values_of(name, value) for name, value in found.items()})  # type: ignore[arg-type]
        except (ValueError, RecursionError) as error:  # a ColorizeError is a ValueError
            reason = " ".join(str(error).split()) or type(error).__name__
            raise ColorizeError(f"the record in the picture is damaged ({reason}); it cannot be repeated") from None

    def same_picture(self, other: Record, any_seed: bool = False) -> bool:
        """True when both follow from the same contents and settings; not where files lie, nor on what it ran.

        any_seed: pictures that differ in their seeds alone are the same.
        """
        return not self.differences(other, any_seed)

    def differences(self, other: Record, any_seed: bool = False) -> list[str]:
        """What makes `other` another picture, in words: "Seed 1, not 2", "another sketch"."""
        mine, theirs = self.settings.to_infotext(), other.settings.to_infotext()
        drawn = (str(next(item.metadata["infotext"] for item in fields(Settings) if item.name == "seed")),)
        found = [f"{key} {mine[key]}, not {theirs[key]}" for key in mine
                 if mine[key] != theirs[key] and not (any_seed and key in drawn)]
        ours, others = self._parts(), other._parts()
        return found + [f"another {name.replace('_', ' ')}" for name in {**ours, **others}
                        if ours.get(name) != others.get(name)]

    def _parts(self) -> dict[str, object]:
        """Everything else that is compared: contents of files, weights of references, and the model's numbers."""
        encoder = self.reference_encoder
        return {"sketch": self.sketch.sha256, "reference": self.reference.sha256, "checkpoint": self.checkpoint.sha256,
                "reference_encoder": encoder and encoder.sha256, "prediction": self.prediction, "dtype": self.dtype,
                **{name: file.sha256 for name, file in self.files.items()},
                **{f"weight_of_{name}": weight for name, weight in self.weights.items()}}


OPTIONAL = ("files", "weights", "read_as", "lossy")
REQUIRED = tuple(item.name for item in fields(Record) if item.name not in OPTIONAL)


def values_of(name: str, found: object) -> object:
    """One entry of a record's JSON, in its own type and within its range; ColorizeError otherwise."""
    if name == "settings":
        return values.read_settings(found)
    if name == "files":
        entries = values.read_dictionary(found, name, known=(*PICTURES, *LAST, *MODELS, PALETTE))
        return {key: FileRecord.from_json(value, key) for key, value in entries.items()}
    if name == "weights":
        return values.read_weights(found, name, ("reference", *FURTHER, *LAST))
    if name in ("sketch", "reference", "checkpoint", "reference_encoder"):
        return None if found is None and name == "reference_encoder" else FileRecord.from_json(found, name)
    return values.SCALARS[name](found, name)


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

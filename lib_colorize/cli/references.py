"""Which reference each sketch of a folder takes its colours from: one for all, or each its own by name."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import ColorizeError
from .by_name import pictures_by_name, the_one
from .file_names import name_key
from .input_picture import InputPicture
from .output_paths import identities

DEFAULT = "default"  # the name, without suffix, of the reference for sketches that have none of their own


@dataclass(frozen=True)
class References:
    """for_all: of the sketches without one of their own, None = these cannot be coloured.

    folder: of references by name, None = there are none. own: name of a sketch, below its folder and without suffix ->
    the pictures of that name.
    """

    for_all: InputPicture | None
    folder: Path | None = None
    own: Mapping[str, list[Path]] = field(default_factory=dict)

    @classmethod
    def read(cls, reference: Path, folder: Path | None = None, recursive: bool = False) -> References:
        """reference: a picture, or a folder with one for each name; folder: such a one, beside a picture for the rest.

        ColorizeError when the picture is none, and when the folder holds none.
        """
        if not os.path.isdir(reference):
            if folder is not None and not os.path.isdir(folder):
                raise ColorizeError(f"{folder}: not a folder; --references names one with a picture for each sketch")
            own = {} if folder is None else pictures_by_name(folder, recursive)
            return cls(InputPicture.read(reference), folder, own)
        if folder is not None:
            raise ColorizeError(f"{reference}: a folder, and --references {folder} is another; name a picture for "
                                "sketches that have none in it, or leave one out")
        return cls(None, reference, pictures_by_name(reference, recursive))

    @property
    def by_name(self) -> bool:
        """Whether sketches may have different ones."""
        return self.folder is not None

    def path_of(self, sketch: Path) -> Path:
        """Where the reference of a sketch lies. sketch: its path below the folder of sketches.

        The picture of its name, in the same subfolder; else `default` there or in the nearest folder above; else the
        one for all. ColorizeError when there is none, or two and none of them has the sketch's suffix too.
        """
        stem = Path(name_key(sketch.with_suffix("")))
        for name in (stem, *(folder / DEFAULT for folder in stem.parents)):
            if found := self.own.get(name.as_posix()):
                return the_one(found, sketch, "references")
        if self.for_all is None:
            raise ColorizeError(f"{sketch}: {self.folder} holds no reference of its name, and no {DEFAULT}.png for the "
                                "rest; put one there")
        return self.for_all.path

    def of(self, sketch: Path) -> InputPicture:
        """The reference itself, read anew unless it is the one for all; ColorizeError as of `path_of`."""
        path = self.path_of(sketch)
        return self.for_all if self.for_all is not None and path == self.for_all.path else InputPicture.read(path)

    def paths(self) -> Iterator[Path]:
        """All of them: no result is written over one, and none is taken for a sketch."""
        if self.for_all is not None:
            yield self.for_all.path
        for found in self.own.values():
            yield from found

    def require_other_folder(self, sketches: Path, output: Path) -> None:
        """ColorizeError when results would come among the references, or each sketch would be its own."""
        for path, what in ((sketches, "sketches"), (output, "results")):
            if self.folder is not None and identities([path]) == identities([self.folder]):
                raise ColorizeError(f"{path}: holds the references; name another folder for the {what}")

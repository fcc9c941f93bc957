"""The files of a job beside its sketch and its reference, by the names that they have in its record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..checkpoint.files import file_sha256
from ..finishing.palettes import in_numbers, read_palette
from ..pictures.extras import LAST, PICTURES, Extras, Palette, extras_of
from .input_picture import InputPicture
from .record import MODELS, PALETTE, FileRecord, Record


@dataclass(frozen=True)
class PaletteFile:
    """Read once, as an InputPicture is."""

    path: Path
    colours: Palette
    sha256: str

    @classmethod
    def read(cls, path: Path) -> PaletteFile:
        """ColorizeError when it is no palette."""
        return cls(path, in_numbers(read_palette(path)), file_sha256(path))


@dataclass(frozen=True)
class ExtraFiles:
    """pictures: by names of PICTURES and LAST; weights: by "reference", FURTHER and LAST, 1 where none is given.

    models: by names of MODELS; they are recorded here and read elsewhere. palette: colours that areas are drawn to.
    """

    pictures: Mapping[str, InputPicture] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    models: Mapping[str, Path] = field(default_factory=dict)
    palette: PaletteFile | None = None

    @classmethod
    def read(cls, paths: Mapping[str, Path], weights: Mapping[str, float] | None = None) -> ExtraFiles:
        """Every file once; ColorizeError for one that is no picture, or no palette."""
        pictures = {name: InputPicture.read(path) for name, path in paths.items()
                    if name in (*PICTURES, *LAST)}
        other = {name: weight for name, weight in (weights or {}).items() if weight != 1}
        palette = PaletteFile.read(paths[PALETTE]) if PALETTE in paths else None
        return cls(pictures, other, {name: path for name, path in paths.items() if name in MODELS}, palette)

    @classmethod
    def recorded(cls, record: Record, folder: Path, given: Mapping[str, str]) -> ExtraFiles:
        """Those of a record, in the files where they lay or that are given by name; ColorizeError as of `find`."""
        found = {name: file.find(folder, given.get(name), name.replace("_", " "))
                 for name, file in record.files.items()}
        return cls.read(found, record.weights)

    def after(self, sketch: Path, coloured: Path, follow: float) -> ExtraFiles:
        """The same, with a last frame to follow; ColorizeError for a file that is no picture any more."""
        last = {name: InputPicture.read(path) for name, path in zip(LAST, (sketch, coloured))}
        weights = {name: weight for name, weight in self.weights.items() if name not in LAST}
        return replace(self, pictures={**self.pictures, **last},
                       weights=weights if follow == 1 else {**weights, LAST[1]: follow})

    def extras(self) -> Extras:
        """As the engine takes them."""
        images = {name: file.image for name, file in self.pictures.items()}
        return extras_of(images, self.weights, () if self.palette is None else self.palette.colours)

    def records(self, folder: Path) -> dict[str, FileRecord]:
        """What a record says of them; folder: where its picture will lie."""
        read: dict[str, InputPicture | PaletteFile] = {**self.pictures}
        read |= {} if self.palette is None else {PALETTE: self.palette}
        files = {name: FileRecord.of(file.path, folder, file.sha256) for name, file in read.items()}
        return files | {name: FileRecord.of(path, folder, file_sha256(path)) for name, path in self.models.items()}

    def paths(self) -> Iterator[Path]:
        """Where they lie."""
        yield from (file.path for file in self.pictures.values())
        yield from self.models.values()
        yield from [] if self.palette is None else [self.palette.path]


NO_FILES = ExtraFiles()

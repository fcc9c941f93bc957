"""Where the layers of a job's pictures go: a file or a folder that is named, or beside each picture of a folder."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import ColorizeError
from ..finishing.finished import Finished
from ..finishing.layer_files import check_layers_path, check_layers_size, names_in_folder, write_layers
from ..finishing.layers import NAMES
from ..whole_file import require_writable
from .file_names import name_key
from .layers import layer_names
from .output_paths import Identity, output_paths, require_name, require_no_input_in

KINDS = {"psd": ".psd", "ora": ".ora", "png": ""}  # of a folder of sketches; "" = a folder of PNGs
BESIDE = "-layers"  # after a picture's name, of the folder of its layers


@dataclass(frozen=True)
class LayersOutput:
    """place: of one sketch's layers, None = beside each picture; suffix: ".psd", ".ora", or "" for a folder."""

    place: Path | None
    suffix: str = ""
    names: tuple[str, ...] = NAMES

    @classmethod
    def named(cls, args: argparse.Namespace) -> LayersOutput | None:
        """What the options of `colorize` ask for, of one sketch; None = nothing."""
        names = _names(args)
        return None if args.layers is None else cls(Path(args.layers), Path(args.layers).suffix, names)

    @classmethod
    def beside(cls, args: argparse.Namespace) -> LayersOutput | None:
        """The same of a folder of sketches; ColorizeError for a word that is none of KINDS."""
        names = _names(args)
        if args.layers is None:
            return None
        suffix = KINDS.get(args.layers.lower().lstrip("."))
        if suffix is None:
            raise ColorizeError(f"--layers {args.layers}: expected {', '.join(KINDS)}: of a folder of sketches, the "
                                "layers of each lie beside its picture")
        return cls(None, suffix, names)

    def paths(self, output: Path, batch: int) -> list[Path]:
        """For each picture of `output_paths`."""
        if self.place is not None:
            return output_paths(self.place, batch)
        return [path.with_suffix(self.suffix) if self.suffix else path.with_name(path.stem + BESIDE)
                for path in output_paths(output, batch)]

    def check(self, output: Path, batch: int, kept: frozenset[Identity], size: tuple[int, int]) -> None:
        """ColorizeError for what could not be written in the end, before any work.

        kept: files that are never written over; size: (width, height) of the sketch.
        """
        for path in self.paths(output, batch):
            check_layers_path(path, force=True)
            require_name(path)
            require_writable(path.parent)
            _require_apart(output_paths(output, batch), path, self.names)
        self.require_room(output, batch, kept, size)

    def require_room(self, output: Path, batch: int, kept: frozenset[Identity], size: tuple[int, int]) -> None:
        """The part of `check` that differs from sketch to sketch of a folder."""
        for path in self.paths(output, batch):
            check_layers_size(path, size)
            require_no_input_in(path, kept)

    def write(self, finished: Finished, path: Path, force: bool) -> None:
        """path: of `paths`. DiskError leaves nothing of it."""
        write_layers(finished.layers(self.names), path, keep=not force)


def is_there(path: Path) -> bool:
    """Whether layers, or something else, lie at a path of `LayersOutput.paths`."""
    return os.path.lexists(path) and (not path.is_dir() or any(path.iterdir()))


def _names(args: argparse.Namespace) -> tuple[str, ...]:
    """Of the layers, from the top; ColorizeError for names of layers that nobody asks for."""
    names = layer_names(args.layer_names)
    if args.layer_names is not None and args.layers is None:
        raise ColorizeError("--layer-names: found without --layers, whose layers it names; give --layers too, or leave "
                            "it out")
    return names


def _require_apart(pictures: Sequence[Path], folder: Path, names: Sequence[str]) -> None:
    """ColorizeError for a picture that would lie under the name of a layer, in the folder of layers."""
    taken = {name_key(Path(name)) for name in names_in_folder(names)}
    for path in pictures:
        if os.path.realpath(path.parent) == os.path.realpath(folder) and name_key(Path(path.name)) in taken:
            raise ColorizeError(f"{path}: the layers in {folder} have a file of this name too; name the picture "
                                "otherwise, or another folder for the layers")

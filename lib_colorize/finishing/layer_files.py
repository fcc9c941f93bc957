"""Layers to the disk: PSD, OpenRaster or a folder of PNGs, by the name that is asked for."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from PIL import Image

from ..errors import ColorizeError
from ..whole_file import ensure_folder, replacing, sync, write_whole
from .layers import Layer, laid_together
from .openraster import openraster, png
from .psd import check_psd_size, psd

WRITERS = {".psd": psd, ".ora": openraster}
OTHER_FILES = {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".kra", ".xcf", ".clip", ".psb", ".zip"}

REFUSED = '<>:"/\\|?*'  # in the name of a file, on Windows
LONGEST = 60  # letters of a layer's name in that of its file: a disk takes 255 bytes, a letter may have four


def check_layers_path(path: Path, force: bool = False) -> None:
    """ColorizeError for a name that is none of WRITERS' and no folder, or where something is already."""
    suffix = path.suffix.lower()
    if suffix in OTHER_FILES:
        raise ColorizeError(f"{path}: layers are written as .psd, .ora or into a folder; give such a name")
    if not path.parent.is_dir():
        raise ColorizeError(f"{path}: the folder {path.parent} does not exist; make it first")
    if suffix in WRITERS and path.is_dir():
        raise ColorizeError(f"{path}: is a folder, expected the name of a {suffix} file")
    if suffix not in WRITERS and path.is_file():
        raise ColorizeError(f"{path}: is a file, expected a name that ends in .psd or .ora, or a folder")
    if path.exists() and not force and (suffix in WRITERS or any(path.iterdir())):
        raise ColorizeError(f"{path}: is there already; --force writes over it")


def check_layers_size(path: Path, size: tuple[int, int]) -> None:
    """(width, height) of the picture; ColorizeError for more than the format holds."""
    if path.suffix.lower() == ".psd":
        check_psd_size(size)


def write_layers(layers: Sequence[Layer], path: Path, keep: bool = False) -> None:
    """path: of `check_layers_path`. All of it is there or nothing, also of a folder's files.

    keep: as of `replacing`.
    """
    writer = WRITERS.get(path.suffix.lower())
    if writer is not None:
        write_whole(path, writer(layers), keep=keep)
        return
    made = not path.is_dir()
    ensure_folder(path)
    try:
        with ExitStack() as unfinished:
            for name, content in folder_files(layers):
                file = unfinished.enter_context(replacing(path / name, keep))
                file.write_bytes(content)
                sync(file)  # a full disk is told before the first of them has its name
    except BaseException:
        with suppress(OSError):  # not empty
            if made:
                path.rmdir()
        raise


def names_in_folder(names: Sequence[str]) -> set[str]:
    """All that files of layers of these names may be called in a folder."""
    layers = {f"{number} {_file_name(name)}.png" for number in range(1, len(names) + 1) for name in names}
    return {"picture.png", "layers.json", *layers}


def folder_files(layers: Sequence[Layer]) -> Iterator[tuple[str, bytes]]:
    """What lies in a folder of layers: each layer, the picture that they give together, and their order."""
    order = []
    for number, layer in enumerate(layers, 1):
        file = f"{number} {_file_name(layer.name)}.png"
        order.append({"file": file, "name": layer.name, "blend": layer.blend.value})
        yield file, png(Image.fromarray(layer.pixels))
    yield "picture.png", png(Image.fromarray(laid_together(layers)))
    yield "layers.json", json.dumps({"from the bottom": order}, indent=1, ensure_ascii=False).encode()


def _file_name(name: str) -> str:
    """A layer's name without what some disk refuses."""
    return "".join("_" if letter in REFUSED or not letter.isprintable() else letter for letter in name)[:LONGEST]


def layer_bytes(layers: Sequence[Layer], suffix: str) -> bytes:
    """One file: .psd, .ora, or .zip, which holds the folder."""
    if suffix in WRITERS:
        return WRITERS[suffix](layers)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:  # PNGs are packed already
        for name, content in folder_files(layers):
            archive.writestr(name, content)
    return file.getvalue()

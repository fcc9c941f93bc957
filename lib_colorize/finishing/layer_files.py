"""Layers to the disk: PSD, OpenRaster or a folder of PNGs, by the name that is asked for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from ..errors import ColorizeError
from ..whole_file import write_whole
from .layers import Layer, laid_together
from .openraster import openraster, png
from .psd import psd

WRITERS = {".psd": psd, ".ora": openraster}
OTHER_FILES = {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".kra", ".xcf", ".clip", ".psb", ".zip"}


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


def write_layers(layers: Sequence[Layer], path: Path) -> None:
    """path: of `check_layers_path`. Every file is there whole or not at all."""
    writer = WRITERS.get(path.suffix.lower())
    if writer is not None:
        write_whole(path, writer(layers))
        return
    path.mkdir(exist_ok=True)
    for number, layer in enumerate(layers, 1):
        write_whole(path / f"{number} {layer.name}.png", png(Image.fromarray(layer.pixels)))
    write_whole(path / "picture.png", png(Image.fromarray(laid_together(layers))))
    order = [{"file": f"{number} {layer.name}.png", "name": layer.name, "blend": layer.blend.value}
             for number, layer in enumerate(layers, 1)]
    write_whole(path / "layers.json", json.dumps({"from the bottom": order}, indent=1, ensure_ascii=False).encode())

"""Write checkpoints: safetensors under the released key names, whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

from ..errors import ColorizeError
from ..whole_file import replacing
from .config import PARTS
from .layout import expected_shapes, is_projection
from .metadata import ModelCard
from .strict import difference


def write(
    path: str | os.PathLike[str], parts: Mapping[str, Mapping[str, Tensor]], card: ModelCard,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write a checkpoint; `read` is the inverse. An existing file is replaced, but only by a whole new one.

    parts: name of PARTS -> state dict with keys without prefix, checked against card.config.
    metadata: entries besides those of the card, which wins where both speak.
    """
    file = Path(path)
    tensors: dict[str, Tensor] = {}
    unknown = sorted(set(parts) - set(PARTS))
    if unknown:
        raise ColorizeError(f"{file}: unknown part {', '.join(unknown)}; known are {', '.join(PARTS)}")
    if card.config.sketch is None:
        raise ColorizeError(f"{file}: no sketch encoder among the sizes; a checkpoint has at least U-Net and sketch "
                            "encoder")
    for part, prefix in PARTS.items():
        state = parts.get(part, {})
        shapes = {key: tuple(value.shape) for key, value in state.items()}
        difference(shapes, expected_shapes(part, card.config), prefix).require_none(file)
        tensors.update({prefix + key: value for key, value in state.items()})
    projections = [value.ndim for key, value in parts["unet"].items() if is_projection(key)]
    unet = replace(card.config.unet, linear_projections=bool(projections) and max(projections) == 2)
    card = replace(card, config=replace(card.config, unet=unet))
    with replacing(file) as unfinished:
        save_tensors(unfinished, tensors, {**(metadata or {}), **card.to_metadata()})


def save_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write a safetensors file; to a name of `replacing`, which sees to the rest. The same content, the same bytes."""
    plain = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    save_file(plain, path, dict(metadata))
    _sort_metadata(path)


def _sort_metadata(path: Path) -> None:
    """Put the entries of the file's metadata in order; safetensors writes them in another one each time."""
    with path.open("rb+") as stream:
        size = int.from_bytes(stream.read(8), "little")
        header = json.loads(stream.read(size))
        metadata = header.pop("__metadata__", None)
        if metadata is None:
            return
        ordered = {"__metadata__": dict(sorted(metadata.items())), **header}
        text = json.dumps(ordered, separators=(",", ":"), ensure_ascii=False).encode()
        if len(text) <= size:  # always, but for letters that the two libraries escape in their own ways
            stream.seek(8)
            stream.write(text.ljust(size))

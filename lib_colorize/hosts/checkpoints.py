"""What a checkpoint file in a host is, and the parts of it that no host loads: sketch and reference encoder."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from ..checkpoint.config import PARTS
from ..checkpoint.files import open_tensors
from ..checkpoint.identify import identify
from ..checkpoint.kinds import COLORIZE, VARIANTS, Kind
from ..checkpoint.metadata import ModelCard
from ..checkpoint.read import read, read_reference_encoder, require_usable
from ..checkpoint.text_half import read_text_half, require_text_width
from ..errors import ColorizeError
from ..method.network_config import NetworkConfig, VisionConfig
from ..method.reference_encoder import ReferenceEncoder
from ..method.sketch_encoder import SketchEncoder
from ..method.text.tower import TextTower

INSIDE = "inside the checkpoint"
SHIPPED = Path(__file__).resolve().parents[2] / "models" / "colorize-small.safetensors"
_Module = TypeVar("_Module", bound=nn.Module)


@dataclass(frozen=True)
class ColorizeFile:
    """A colorize checkpoint on disk; `problem` says in one sentence why it cannot be used, empty when it can."""

    path: Path
    kind: Kind
    card: ModelCard | None
    linear_projections: bool = False  # of the U-Net, as the file has them
    problem: str = ""

    @property
    def config(self) -> NetworkConfig:
        """Sizes of all networks; ColorizeError with the problem when the file cannot be used."""
        return self.usable().config

    def usable(self) -> ModelCard:
        """The card; ColorizeError with the problem when the file cannot be used."""
        if self.card is None or self.problem:
            raise ColorizeError(self.problem or f"{self.path}: {self.kind.value}")
        return self.card


def colorize_file(path: str | os.PathLike[str]) -> ColorizeFile | None:
    """What the file is; None when it is no colorize checkpoint. Of safetensors only the header is read."""
    file = Path(path)
    try:
        stamp = file.stat()
    except OSError:
        return None
    return _colorize_file(file, stamp.st_size, stamp.st_mtime_ns)


@functools.lru_cache(maxsize=64)
def _colorize_file(path: Path, size: int, modified: int) -> ColorizeFile | None:
    try:
        with open_tensors(path) as file:
            info = identify(file.entries, file.metadata)
            metadata = dict(file.metadata)
    except ColorizeError:
        return None
    if info.kind not in COLORIZE:
        return None
    try:
        config = require_usable(info, tuple(part for part in PARTS if part != "reference_encoder"), path)
    except ColorizeError as error:
        return ColorizeFile(path, info.kind, None, problem=str(error))
    if "vae" not in info.parts:
        return ColorizeFile(path, info.kind, None, problem=f"{path}: no VAE (first_stage_model.*) inside; use the "
                            "released file itself")
    card = info.card or ModelCard.of_released(config, metadata, VARIANTS[info.kind])
    return ColorizeFile(path, info.kind, card, config.unet.linear_projections)


def sketch_encoder(file: ColorizeFile) -> SketchEncoder:
    """The sketch encoder of a colorize checkpoint, read anew: in full size it takes 0.26 GB."""
    sizes = file.config.sketch
    state = read(file.path, ("sketch_encoder",)).sketch_encoder
    assert sizes is not None and state is not None  # a colorize checkpoint has one
    return loaded_module(lambda: SketchEncoder(**asdict(sizes)), state)


def reference_encoder(path: Path, context_dim: int, dtype: torch.dtype = torch.float32) -> ReferenceEncoder:
    """The reference encoder in a file of any layout; ColorizeError when its tokens do not fit the U-Net."""
    state, sizes = read_reference_encoder(path)
    require_width(path, sizes, context_dim)
    visual = {f"visual.{key}": value for key, value in state.items()}
    return loaded_module(lambda: ReferenceEncoder(sizes), visual, dtype)


def text_tower(path: Path, context_dim: int, dtype: torch.dtype = torch.float32) -> TextTower:
    """CLIP's text half in a file; ColorizeError when its texts are of another width than the reference's tokens."""
    state, sizes = read_text_half(path)
    require_text_width(path, sizes, context_dim)
    return loaded_module(lambda: TextTower(sizes), state, dtype)


def require_width(path: Path, sizes: VisionConfig, context_dim: int) -> None:
    """ColorizeError when the tokens do not fit the U-Net."""
    if sizes.output_dim != context_dim:
        raise ColorizeError(f"{path}: tokens of {sizes.output_dim} numbers, the U-Net takes {context_dim}; use the "
                            "encoder that it was trained with (OpenCLIP ViT-H-14 for the released files)")


def loaded_module(
    make: Callable[[], _Module], state: dict[str, Tensor], dtype: torch.dtype = torch.float32,
) -> _Module:
    """The network that `make` builds with copies of these weights, for inference.

    All of them lie in one block: an allocator gives that back to the system when the network goes, where it would keep
    gigabytes of small pieces.
    """
    with torch.device("meta"):
        module = make()
    counts = [value.numel() for value in state.values()]
    parts = torch.split(torch.empty(sum(counts), dtype=dtype), counts)
    weights = {key: part.view(value.shape).copy_(value) for (key, value), part in zip(state.items(), parts)}
    module.load_state_dict(weights, strict=True, assign=True)
    return module.eval().requires_grad_(False)

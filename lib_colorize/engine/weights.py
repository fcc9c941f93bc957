"""Where an engine's weights lie, and on what they run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..checkpoint.read import read_reference_encoder
from ..checkpoint.text_half import find_text_file, read_text_half, require_text_width, text_half_needed
from ..errors import ColorizeError
from ..method.network_config import NetworkConfig, VisionConfig
from ..method.reference_encoder import ReferenceEncoder
from ..method.text.tower import TextTower
from . import networks

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class Files:
    """Where an engine's weights came from."""

    checkpoint: Path
    reference_encoder: Path | None  # None = inside the checkpoint
    named_text_encoder: Path | None = None  # the user's word
    width: int = 0  # numbers of a token

    @property
    def text_encoder(self) -> Path | None:
        """CLIP's text half for tokens of that width: the named file, else inside the reference encoder's or beside it.

        None = not there.
        """
        inside = tuple(path for path in (self.reference_encoder, self.checkpoint) if path is not None)
        beside = None if self.reference_encoder is None else self.reference_encoder.parent
        return self.named_text_encoder or find_text_file(inside, beside, self.width)


@dataclass(frozen=True)
class ReferenceFile:
    """The reference encoder on disk, read anew for each new reference: in full size it takes 2.5 GB."""

    checkpoint: Path
    path: Path | None
    device: torch.device
    dtype: torch.dtype

    def check(self, config: NetworkConfig) -> None:
        """ColorizeError when there is none, or one of other sizes."""
        if self.path is None and config.reference is None:
            raise ColorizeError(f"{self.checkpoint}: has no reference encoder inside; name OpenCLIP ViT-H-14's vision "
                                "tower with --reference-encoder (open_clip, Hugging Face or full CLIP file)")
        _, sizes = self._read()
        if sizes.output_dim != config.unet.context_dim:
            raise ColorizeError(f"{self.path or self.checkpoint}: tokens of {sizes.output_dim} numbers, the U-Net "
                                f"takes {config.unet.context_dim}; use the encoder that it was trained with")

    def load(self) -> ReferenceEncoder:
        state, sizes = self._read()
        visual = {f"visual.{key}": value for key, value in state.items()}
        return networks.load_network(
            lambda: ReferenceEncoder(sizes), visual, "reference encoder", self.device, self.dtype)

    def _read(self) -> tuple[dict[str, Tensor], VisionConfig]:
        return read_reference_encoder(self.path or self.checkpoint)


@dataclass(frozen=True)
class TextFile:
    """The text half on disk, read anew for texts that were not read before: in full size it takes 1.4 GB."""

    files: Files
    device: torch.device
    dtype: torch.dtype

    def load(self) -> TextTower:
        """ColorizeError when there is none, or one whose texts are of another width than the reference's tokens."""
        path = self.files.text_encoder
        if path is None:
            raise ColorizeError(text_half_needed(self.files.width, "name it with --text-encoder"))
        state, sizes = read_text_half(path)
        require_text_width(path, sizes, self.files.width)
        return networks.load_network(lambda: TextTower(sizes), state, "text half", self.device, self.dtype)


def named_device(name: str | None) -> torch.device:
    """The device of that name; ColorizeError when this machine has none."""
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device).cpu()
    except (RuntimeError, AssertionError, NotImplementedError):
        raise ColorizeError(f"device: found {name!r}, expected cpu, cuda, ... as this machine has it") from None
    return device

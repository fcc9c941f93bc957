"""The reference encoders on a disk: which one a checkpoint's U-Net takes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ColorizeError
from .catalogue import Purpose, recommended

if TYPE_CHECKING:  # it imports torch
    from ..checkpoint.kinds import Kind

TOWERS = {1024: (1280, 32)}  # U-Net's context width -> ViT-H's width and layers; ViT-g gives tokens of 1024 too


@dataclass(frozen=True)
class FoundEncoder:
    """A reference encoder on the disk; `output_dim` is its tokens' width, dtype "fp16", "fp32", ..."""

    path: Path
    layout: Kind
    width: int
    layers: int
    output_dim: int
    dtype: str
    size: int
    own: bool  # in the extension's own folder

    def fits(self, context_dim: int) -> bool:
        """Whether a U-Net of this context width can have been trained with it."""
        tower = TOWERS.get(context_dim, (self.width, self.layers))
        return self.output_dim == context_dim and (self.width, self.layers) == tower


def choose_reference_encoder(
    found: list[FoundEncoder], context_dim: int, wanted: str | None = None, own: Path | None = None,
) -> FoundEncoder:
    """The encoder for a U-Net of this context width: the user's choice, else the cheapest to read.

    wanted: a path or file name of `found`; own: the folder that a message tells the user to put the file into.
    """
    if wanted:
        named = [e for e in found if wanted in (str(e.path), e.path.name)]
        if not named:
            raise ColorizeError(f"reference encoder {wanted!r}: not found; found are "
                                f"{', '.join(e.path.name for e in found) or 'none'}")
        found = named
    fitting = sorted((e for e in found if e.fits(context_dim)), key=preference)
    if fitting:
        return fitting[0]
    has = "; ".join(f"{e.path.name} is of width {e.width} and gives tokens of {e.output_dim}" for e in found)
    raise ColorizeError(f"no reference encoder for this checkpoint (found: {has or 'none'}); "
                        f"{_needed(context_dim, own)}")


def _needed(context_dim: int, own: Path | None) -> str:
    if context_dim not in TOWERS:
        return (f"expected one that gives tokens of {context_dim}, which no published file does: use a checkpoint "
                "with its own encoder inside")
    entry = recommended(Purpose.REFERENCE_ENCODER)
    return (f"expected {entry.about}, {entry.size_text}, {entry.licence.name} licence: download it in the models "
            f"panel, or put {entry.name} into {own or 'models/ColorizeDiffusion'}; copies in ControlNet's and "
            "IP-Adapter's folders are found too")


def preference(encoder: FoundEncoder) -> tuple[bool, bool, bool, bool, int, str]:
    """Own folder, safetensors, vision half alone, half precision, small."""
    return (not encoder.own, encoder.path.suffix != ".safetensors", "full CLIP" in encoder.layout.value,
            encoder.dtype not in ("fp16", "bf16"), encoder.size, str(encoder.path))

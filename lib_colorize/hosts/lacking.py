"""Settings that a checkpoint can do nothing with, and which checkpoints could: for a page that greys them out."""

from __future__ import annotations

from dataclasses import fields

from ..checkpoint.kinds import VARIANTS
from ..checkpoint.text_half import CLIP_WIDTH
from ..method.text_settings import TextSettings
from ..method.variants.features import OF, lacking
from .checkpoints import ColorizeFile

CLIP = "CLIP"  # in the place of a kind: the reference encoder must be CLIP's


def lacking_settings(file: ColorizeFile) -> dict[str, str]:
    """Name of a setting -> who has it: "v2", "v1.5, v2", or CLIP."""
    found = {name: ", ".join(OF[name]) for name in sorted(lacking(VARIANTS[file.kind]))}
    if file.config.unet.context_dim != CLIP_WIDTH:
        found |= {item.name: CLIP for item in fields(TextSettings)}
    return found

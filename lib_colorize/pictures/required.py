"""What a job's references must be for its settings: asked by engine and hosts before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import ColorizeError
from ..method.settings import Settings
from ..method.variants.features import require_features
from .extras import FurtherReference


def require_references(
    variant: str, settings: Settings, references: Sequence[FurtherReference], has_background: bool,
) -> None:
    """references: those that act; has_background: whether there is a background picture.

    ColorizeError for what this checkpoint, or this set of pictures, cannot give.
    """
    has_first = any(found.place == 1 for found in references)
    require_features(variant, settings, has_first, has_background)
    if settings.injection > 0 and not references:
        raise ColorizeError("injection needs a reference picture; choose one, or set the injection to 0")

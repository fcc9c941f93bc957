"""Settings: how a picture is read: which lines the sketch encoder is shown, what of a page is looked at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ReadingSettings:
    """How a picture is read: which lines the sketch encoder is shown, what of a page or a reference is looked at."""

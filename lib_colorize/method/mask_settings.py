"""Settings: figure and background: what is told apart, and how strongly each is shown (variants.md sections 1 to 3)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MaskSettings:
    """Figure and background: what is told apart, and how strongly each is shown (variants.md sections 1 to 3)."""

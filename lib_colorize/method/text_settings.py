"""Settings: changes of the reference by text (variants.md section 5)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TextSettings:
    """Changes of the reference by text (variants.md section 5)."""

"""Settings: several references, and larger ones (variants.md section 6)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ReferenceSettings:
    """Several references, and larger ones (variants.md section 6)."""

"""Settings: attention injection (variants.md section 4)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class InjectionSettings:
    """Attention injection (variants.md section 4)."""

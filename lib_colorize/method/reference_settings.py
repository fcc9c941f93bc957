"""Settings: several references, and larger ones (variants.md section 6)."""

from __future__ import annotations

from dataclasses import dataclass

from .setting_field import setting


@dataclass(frozen=True)
class ReferenceSettings:
    """Several references, and larger ones (variants.md section 6)."""

    reference_scale: float = setting(
        1.0, "Reference scale", "Reference scale",
        "Shows the reference so many times as large to its encoder: finer colours, more to remember; 1 = as trained",
        1.0, 3.0, 0.25, since=2, section="references")
    reference_padding: float = setting(
        1.0, "Reference padding", "Reference padding",
        "Width of the reference with white margins at its sides, so that a tall picture is squashed less; 1 = none",
        1.0, 2.0, 0.05, since=2, section="references")

"""Settings: figure and background: what is told apart, and how strongly each is shown (variants.md sections 1 to 3)."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from .setting_field import setting


class Backdrop(enum.Enum):
    """What is to be behind the figure."""

    AS_GIVEN = "as given"
    PLAIN = "plain"
    TRANSPARENT = "transparent"


@dataclass(frozen=True)
class MaskSettings:
    """Figure and background: what is told apart, and how strongly each is shown (variants.md sections 1 to 3)."""

    backdrop: Backdrop = setting(
        Backdrop.AS_GIVEN, "Background", "Background",
        "What is behind the figure: as given = as the background picture has it, or the reference where there is none; "
        "plain = one colour; transparent = nothing",
        since=2, section="masks")
    backdrop_colour: str = setting(
        "#ffffff", "Background colour", "Background colour", "Of a plain background, #rrggbb", since=2, section="masks")
    remove_foreground: bool = setting(
        False, "Empty the background picture", "Empty background picture",
        "What is in front in the background picture becomes white, so that only what is behind it counts",
        since=2, section="masks")

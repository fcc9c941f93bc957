"""Settings: how a picture is read: which lines the sketch encoder is shown, what of a page is looked at."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from .setting_field import setting


class LineStrength(enum.Enum):
    """What becomes of lines when a sketch is made smaller for the model."""

    AUTO = "auto"
    AS_DRAWN = "as drawn"


@dataclass(frozen=True)
class ReadingSettings:
    """How a picture is read: which lines the sketch encoder is shown, what of a page or a reference is looked at."""

    line_strength: LineStrength = setting(
        LineStrength.AUTO, "Line strength", "Line strength",
        "auto = lines keep their ink however much the sketch is made smaller, and extractors look at the size that the "
        "model is shown; as drawn = both as the authors' program does it", since=2, section="lines",
        before=LineStrength.AS_DRAWN)

"""Settings: how a picture is read: which lines the sketch encoder is shown, what of a page is looked at."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from .setting_field import setting


class LineStrength(enum.Enum):
    """What becomes of lines when a sketch is made smaller for the model."""

    AUTO = "auto"
    AS_DRAWN = "as drawn"


class ConstructionPencil(enum.Enum):
    """Coloured pencil under a drawing, and what becomes of it."""

    KEEP = "keep"
    BLUE = "blue"
    RED = "red"
    BOTH = "blue and red"


class SketchReading(enum.Enum):
    """How polarity, paper and empty sheets are told."""

    AUTO = "auto"
    FIRST = "first versions"


@dataclass(frozen=True)
class ReadingSettings:
    """How a picture is read: which lines the sketch encoder is shown, what of a page or a reference is looked at."""

    line_strength: LineStrength = setting(
        LineStrength.AUTO, "Line strength", "Line strength",
        "auto = lines keep their ink however much the sketch is made smaller, and extractors look at the size that the "
        "model is shown; as drawn = both as the authors' program does it", since=2, section="lines",
        before=LineStrength.AS_DRAWN)

    photo: bool = setting(
        True, "Photo of paper", "Photo of paper",
        "A sheet on a desk is found, straightened, and its light evened out; nothing happens where there is none, "
        "and in a WebUI under a mask, in tiles or with another resize mode",
        since=2, section="lines", before=False)
    construction_pencil: ConstructionPencil = setting(
        ConstructionPencil.KEEP, "Take off pencil", "Take off pencil",
        "Coloured construction pencil under the lines: kept as lines, or taken off", since=2, section="lines")
    fit_drawing: bool = setting(
        True, "Fit the drawing", "Fit the drawing",
        "A drawing that takes a small part of its page is coloured alone, at the model's own size, and put back in its "
        "place. Only where no size is asked for", since=2, section="lines", before=False)
    trim_reference: bool = setting(
        True, "Trim the reference", "Trim the reference",
        "Plain margins, frames and bars around a reference are not looked at", since=2, section="advanced",
        before=False)
    reading: SketchReading = setting(
        SketchReading.AUTO, "Sketch reading", "Sketch reading",
        "auto = white lies under transparency unless it hides the lines, and grain is no line; first versions = as "
        "pictures without this entry were made", since=2, before=SketchReading.FIRST)

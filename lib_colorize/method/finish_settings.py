"""Settings: what becomes of the model's picture: its size, how colours are carried up to it, hints and a palette."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from .setting_field import setting


class ResultSize(enum.Enum):
    """How large a finished picture is."""

    AUTO = "auto"
    SKETCH = "sketch"
    MODEL = "model"


class Enlarge(enum.Enum):
    """How the model's picture is carried up to a larger sketch."""

    SNAP = "snap"
    PLAIN = "plain"


@dataclass(frozen=True)
class FinishSettings:
    """What becomes of the model's picture: its size, how colours are carried up to it, hints and a palette."""

    result_size: ResultSize = setting(
        ResultSize.AUTO, "Result size", "Result size",
        "sketch = the sketch's own size, its own lines over colours that stop at them; model = the model's size; "
        "auto = the sketch's where lines are laid over, or hints or a palette are given, unless a size is asked for",
        since=2, section="finish")
    enlarge: Enlarge = setting(
        Enlarge.SNAP, "Enlarging", "Enlarge",
        "snap = colours carried up to the sketch's size stop at its lines; plain = enlarged as a photo is",
        since=2, section="finish", before=Enlarge.PLAIN)
    gap: float = setting(
        3.0, "Gaps", "Line gap",
        "Holes in lines up to so wide count as closed, in percent of the longer side", 0.0, 10.0, 0.5,
        since=2, section="finish")
    palette_limit: float = setting(
        100.0, "Palette limit", "Palette limit",
        "An area whose nearest colour of the palette is farther (CIEDE2000) keeps its own; 100 = none does",
        0.0, 100.0, 1.0, since=2, section="finish")

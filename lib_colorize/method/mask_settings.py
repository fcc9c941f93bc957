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
    background_enhance: bool = setting(
        False, "Background apart", "Background enhance",
        "Figure and background of the sketch are coloured apart, the background from that of the reference, or from a "
        "picture of its own", since=2, section="masks")
    foreground_enhance: bool = setting(
        False, "Figure apart", "Foreground enhance",
        "The figure of the sketch is coloured by weights of its own (v1.5, v2)", since=2, section="masks")
    style_enhance: bool = setting(
        False, "Style", "Style enhance", "The reference's style acts on the whole picture (v2)", since=2,
        section="masks")
    foreground_strength: float = setting(
        1.0, "Figure strength", "Foreground strength", "Of the reference within the figure, when it is coloured apart",
        0.0, 1.0, 0.05, since=2, section="masks")
    background_strength: float = setting(
        1.0, "Background strength", "Background strength",
        "Of the reference behind the figure, when it is coloured apart", 0.0, 1.0, 0.05, since=2, section="masks")
    background_factor: float = setting(
        1.0, "Background factor", "Background factor",
        "How strongly the background's layout is taken from its picture (v2)", 0.0, 2.0, 0.05, since=2, section="masks")
    merge: float = setting(
        0.0, "Merge", "Merge", "How much of the background's colours goes into the figure too", 0.0, 1.0, 0.05,
        since=2, section="masks")
    reference_threshold: float = setting(
        0.5, "Reference threshold", "Reference mask threshold",
        "The figure of the reference is where its mask is at least this", 0.0, 1.0, 0.01, since=2, section="masks")
    sketch_threshold: float = setting(
        0.05, "Sketch threshold", "Sketch mask threshold",
        "The figure of the sketch is where its mask is above this", 0.0, 1.0, 0.01, since=2, section="masks")

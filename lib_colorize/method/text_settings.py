"""Settings: changes of the reference by text (variants.md section 5)."""

from __future__ import annotations

from dataclasses import dataclass

from .setting_field import setting
from .text.change import MAX_SCALE, SCALE, THRESHOLDS, Change, parse_changes

LIKENESS = "Of the likeness of a part to the place text, 0 the picture's least and 1 its largest: "


@dataclass(frozen=True)
class TextSettings:
    """Changes of the reference by text (variants.md section 5): one by its parts, further ones as lines."""

    text_target: str = setting(
        "", "Change the reference to", "Text target",
        "What the reference is to become, such as \"blonde hair\"; empty = no change. Needs CLIP's text half",
        since=2, section="text", free=True)
    text_anchor: str = setting(
        "", "Instead of", "Text anchor", "What is there now, such as \"brown hair\"; empty = not said",
        since=2, section="text", free=True)
    text_control: str = setting(
        "", "Where", "Text control",
        "The parts of the picture that are changed, such as \"hair\"; empty, or everything = all of it",
        since=2, section="text", free=True)
    text_scale: float = setting(
        SCALE, "Strength of the change", "Text scale", "How far the reference is moved towards the text", 0.0,
        MAX_SCALE, 0.5, since=2, section="text")
    text_enhance: bool = setting(
        False, "Enhance", "Text enhance", "Takes out all that there is of the text in \"instead of\"", since=2,
        section="text")
    text_threshold_0: float = setting(
        THRESHOLDS[0], "Threshold 0", "Text threshold 0", LIKENESS + "up to here a part is moved twice as far away",
        0.0, 1.0, 0.01, since=2, section="text")
    text_threshold_1: float = setting(
        THRESHOLDS[1], "Threshold 1", "Text threshold 1", LIKENESS + "from here on a part is moved towards the text",
        0.0, 1.0, 0.01, since=2, section="text")
    text_threshold_2: float = setting(
        THRESHOLDS[2], "Threshold 2", "Text threshold 2", LIKENESS + "here a part is moved half as far", 0.0, 1.0, 0.01,
        since=2, section="text")
    text_threshold_3: float = setting(
        THRESHOLDS[3], "Threshold 3", "Text threshold 3", LIKENESS + "above this a part is moved all the way", 0.0,
        1.0, 0.01, since=2, section="text")
    text_changes: str = setting(
        "", "Further changes", "Text changes",
        "One a line: [target] a red dress; [anchor] none; [control] a girl; [scale] 8; [enhanced] false; [ts0] 0.5; "
        "[ts1] 0.55; [ts2] 0.65; [ts3] 0.95", since=2, section="text", free=True)

    @property
    def text_thresholds(self) -> tuple[float, float, float, float]:
        return self.text_threshold_0, self.text_threshold_1, self.text_threshold_2, self.text_threshold_3

    def changes(self) -> tuple[Change, ...]:
        """All of them in their order; ColorizeError for one that cannot be."""
        first = (self.text_target, self.text_anchor, self.text_control)
        own = (Change(*first, self.text_scale, self.text_enhance, self.text_thresholds),) if self.text_target else ()
        return own + parse_changes(self.text_changes)

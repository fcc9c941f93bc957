"""One change of a reference by text, and its line in the authors' format (variants.md section 5, "Prompt")."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from ...errors import ColorizeError

NONE = "none"  # an empty text, as the authors' program writes it
EVERYTHING = "everything"  # as a control: every part of the picture alike
THRESHOLDS = (0.5, 0.55, 0.65, 0.95)
SCALE = 8.0
MAX_SCALE = 50.0
KEYS = ("target", "anchor", "control", "scale", "enhanced", "ts0", "ts1", "ts2", "ts3")
MARK = re.compile(r"\[\s*([^\[\]]*?)\s*\]")
TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


@dataclass(frozen=True)
class Change:
    """Move a reference towards `target`; texts that are "" are not given.

    anchor: what is there now, and is taken out. control: where; "" and "everything" = in every part alike (theirs
    embeds the word, Q29). scale: how far. thresholds: four rising numbers of 0 to 1, of the likeness to `control`.
    """

    target: str
    anchor: str = ""
    control: str = ""
    scale: float = SCALE
    enhance: bool = False
    thresholds: tuple[float, float, float, float] = THRESHOLDS

    def __post_init__(self) -> None:
        if not self.target:
            raise ColorizeError("text change: found no target, expected what the reference is to become, such as "
                                "\"[target] the girl's blonde hair\"")
        t = self.thresholds
        if not (0 <= t[0] <= t[1] <= t[2] <= t[3] <= 1):
            raise ColorizeError(f"text change {self.target!r}: found the thresholds {' '.join(f'{x:g}' for x in t)}, "
                                "expected four rising numbers from 0 to 1")
        if not 0 <= self.scale <= MAX_SCALE:
            raise ColorizeError(f"text change {self.target!r}: found the scale {self.scale:g}, expected 0 to "
                                f"{MAX_SCALE:g}")

    @property
    def texts(self) -> tuple[str, ...]:
        """What has to be embedded for it."""
        where = () if self.everywhere else (self.control,)
        return (self.target, *((self.anchor,) if self.anchor else ()), *where)

    @property
    def everywhere(self) -> bool:
        return self.control.lower() in ("", EVERYTHING)

    def to_line(self) -> str:
        """The authors' format; `from_line` is the inverse."""
        values = (self.target, self.anchor or NONE, self.control or NONE, f"{self.scale:g}", self.enhance,
                  *(f"{x:g}" for x in self.thresholds))
        return "; ".join(f"[{key}] {value}" for key, value in zip(KEYS, values))

    @classmethod
    def from_line(cls, line: str) -> Change:
        """One change; what the line does not name keeps its default. ColorizeError says which part is wrong.

        "[enhanced] False" means no (theirs takes it for yes, Q30).
        """
        first, *parts = MARK.split(line)
        if first.strip() or not parts:
            raise ColorizeError(f"text change: found {_short(line)}, expected \"[target] ...; [anchor] ...; "
                                "[control] ...; [scale] ...\"")
        values: dict[str, str] = {}
        for key, value in zip((part.lower() for part in parts[::2]), parts[1::2]):
            if key not in KEYS or key in values:
                what = "twice" if key in values else "which is not known"
                raise ColorizeError(f"text change: found [{key}], {what}; expected {', '.join(KEYS)}, once each")
            text = value.strip().removesuffix(";").strip()
            values[key] = "" if text.lower() == NONE else text
        ts = [_number(values, f"ts{i}", usual) for i, usual in enumerate(THRESHOLDS)]
        return cls(values.get("target", ""), values.get("anchor", ""), values.get("control", ""),
                   _number(values, "scale", SCALE), _truth(values.get("enhanced") or "false"),
                   (ts[0], ts[1], ts[2], ts[3]))


def parse_changes(text: str) -> tuple[Change, ...]:
    """An entry a line, or one after the other: each begins with [target]. ColorizeError for anything else."""
    entries: list[str] = []
    for line in text.splitlines():
        pieces = re.split(r"(?i)(?=\[\s*target\s*\])", line)
        for piece in (piece.strip() for piece in pieces):
            if piece:
                entries.append(piece)
    return tuple(Change.from_line(entry) for entry in entries)


def _number(values: dict[str, str], key: str, usual: float) -> float:
    try:
        number = float(values.get(key) or usual)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ColorizeError(f"text change: found [{key}] {_short(values[key])}, expected a number")
    return number


def _truth(word: str) -> bool:
    if word.lower() not in TRUTH:
        raise ColorizeError(f"text change: found [enhanced] {_short(word)}, expected true or false")
    return TRUTH[word.lower()]


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")

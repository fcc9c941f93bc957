"""One setting: what is said of it, its value as text, and a value or text checked against it."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import Field, field
from typing import Any

from ..errors import ColorizeError, shortened

BLOCKS = 16  # transformer blocks of the U-Net, in forward order: 0-5 encoder, 6 middle, 7-15 decoder


def setting(
    default: Any, label: str, infotext: str, help: str, low: float | None = None, high: float | None = None,
    step: float | None = None, advanced: bool = True, *, since: int = 1, section: str = "advanced",
    before: Any = None, free: bool = False,
) -> Any:
    """A field of Settings, or of a host's settings that extend it.

    low, high, step: of numbers. since: the generation of the API's list that first had it; later ones come after.
    section: the part of the page that shows it. before: what a record means that was written when there was no such
    setting, where that is not the default; then every record says it. free: a text that may be empty.
    """
    metadata = {
        "label": label, "infotext": infotext, "help": help, "low": low, "high": high, "step": step,
        "advanced": advanced, "since": since, "section": section, "before": before, "free": free,
    }
    return field(default=default, metadata=metadata)


def in_order(items: Iterable[Field[Any]]) -> tuple[Field[Any], ...]:
    """Fields in the order in which they came into being: a list that is written by place only ever grows."""
    return tuple(sorted(items, key=lambda item: int(item.metadata["since"])))


def recorded_values(items: Iterable[Field[Any]], key_of: Callable[[Field[Any]], str], text: Mapping[str, str],
                    ) -> dict[str, str]:
    """What a record says of these fields: by its key, or what was before there was such a field."""
    found = {item.name: text[key_of(item)] for item in items if key_of(item) in text}
    old = {item.name: to_text(item.metadata["before"]) for item in items if item.metadata["before"] is not None}
    return {**old, **found}


def to_text(value: Any) -> str:
    if isinstance(value, enum.Enum):
        return str(value.value)
    if isinstance(value, tuple):
        return " ".join(repr(v) for v in value)
    return repr(value) if isinstance(value, float) else str(value)


def checked(item: Field[Any], value: Any) -> Any:
    """The value in the field's own type and within its range, or ColorizeError."""
    label, low, high = item.metadata["label"], item.metadata["low"], item.metadata["high"]
    default = item.default
    if isinstance(default, bool):
        words = {"true": True, "false": False}
        found = words.get(value.strip().lower()) if isinstance(value, str) else value
        if not isinstance(found, bool):
            raise ColorizeError(f"{label}: found {shortened(value)}, expected true or false")
        return found
    if isinstance(default, enum.Enum):
        try:
            return type(default)(value)
        except ValueError:
            names = ", ".join(repr(e.value) for e in type(default))
            raise ColorizeError(f"{label}: found {shortened(value)}, expected one of {names}") from None
    if isinstance(default, str):
        free = item.metadata["free"]
        if not isinstance(value, str) or not (free or value.strip()):
            raise ColorizeError(f"{label}: found {shortened(value)}, expected a {'text' if free else 'name'}")
        return value.strip()
    if isinstance(default, tuple):
        try:
            parts = value.replace(",", " ").split() if isinstance(value, str) else list(value)
        except TypeError:
            raise ColorizeError(f"{label}: found {shortened(value)}, expected {BLOCKS} numbers (or none)") from None
        if len(parts) not in (0, BLOCKS):
            raise ColorizeError(f"{label}: found {len(parts)} numbers, expected {BLOCKS} (or none)")
        return tuple(_number(label, float, p, low, high) for p in parts)
    return _number(label, type(default), value, low, high)


def _number(label: str, kind: type, value: Any, low: float, high: float) -> Any:
    try:
        if isinstance(value, bool):
            raise TypeError
        number = float(value)
        if kind is int:
            if not number.is_integer():
                raise ValueError
            number = int(value)
    except (TypeError, ValueError, OverflowError):
        expected = "a whole number" if kind is int else "a number"
        raise ColorizeError(f"{label}: found {shortened(value)}, expected {expected} "
                            f"from {low:.12g} to {high:.12g}") from None
    if not math.isfinite(number) or not low <= number <= high:
        raise ColorizeError(f"{label}: found {number}, expected {low:.12g} to {high:.12g}")
    return number

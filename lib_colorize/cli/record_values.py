"""The values of a record's JSON, each in its own type and within its range: a picture may come from anybody."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

from ..errors import ColorizeError
from ..method.schedule import Prediction
from ..method.settings import Settings
from ..pictures.extras import MAX_WEIGHT

MAX_TEXT = 4096  # letters of a path, a version or a sentence
MAX_THREADS = 1024


def read_dictionary(found: object, what: str, needed: Sequence[str] = (), known: Sequence[str] | None = None,
               ) -> dict[str, Any]:
    """A dictionary with the keys `needed`, perhaps those `known`, and no others (neither list: any)."""
    if not isinstance(found, dict):
        raise ColorizeError(f"{what}: found {shown(found)}, expected names and values")
    missing = [key for key in needed if key not in found]
    if missing:
        raise ColorizeError(f"{what}: {missing[0]} is missing")
    unknown = [key for key in found if (needed or known) and key not in (*needed, *(known or ()))]
    if unknown:
        raise ColorizeError(f"{what}: found {shown(unknown[0])}, which this version does not know")
    return found


def read_text(found: object, what: str, pattern: str = r"[^\0]+") -> str:
    """A text that fits the pattern as a whole."""
    if not isinstance(found, str) or len(found) > MAX_TEXT or not re.fullmatch(pattern, found, re.DOTALL):
        raise ColorizeError(f"{what}: found {shown(found)}")
    return found


def read_settings(found: object) -> Settings:
    """Settings of one picture, each by its infotext key; the names in them are known ones."""
    from ..engine.samplers import find_sampler, find_scheduler
    from ..pictures.lineart import extractor

    known = [str(item.metadata["infotext"]) for item in fields(Settings)]
    entries = read_dictionary(found, "settings")
    for key, value in entries.items():
        if key not in known:
            raise ColorizeError(f"settings: found {shown(key)}, which this version does not know")
        if not isinstance(value, str):
            raise ColorizeError(f"{key}: found {shown(value)}, expected a text")
    read = Settings.from_infotext(entries)
    find_sampler(read.sampler)
    find_scheduler(read.scheduler)
    extractor(read.extractor)
    if read.batch != 1:
        raise ColorizeError(f"batch size: found {read.batch}, expected 1, for a record is of one picture")
    return read


def read_threads(found: object, what: str) -> int:
    """A number of threads."""
    if not isinstance(found, int) or isinstance(found, bool) or not 1 <= found <= MAX_THREADS:
        raise ColorizeError(f"{what}: found {shown(found)}, expected 1 to {MAX_THREADS}")
    return found


def read_texts(found: object, what: str) -> dict[str, str]:
    """Name -> text."""
    return {key: read_text(value, f"{what} of {shown(key)}") for key, value in read_dictionary(found, what).items()}


def read_weights(found: object, what: str, known: Sequence[str]) -> dict[str, float]:
    """Name -> a weight."""
    entries = read_dictionary(found, what, known=known)
    for key, value in entries.items():
        right = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        if not right or not 0 <= value <= MAX_WEIGHT:
            raise ColorizeError(f"weight of {shown(key)}: found {shown(value)}, expected 0 to {MAX_WEIGHT:g}")
    return {key: float(value) for key, value in entries.items()}


def read_prediction(found: object, what: str) -> str:
    """eps or v."""
    return read_text(found, what, "|".join(kind.value for kind in Prediction))


def read_dtype(found: object, what: str) -> str:
    """A number format that an engine runs in."""
    from ..engine.weights import DTYPES

    return read_text(found, what, "|".join(DTYPES))


def read_device(found: object, what: str) -> str:
    """A kind of device, which this machine may not have."""
    return read_text(found, what, "[a-z]{1,20}")


def shown(found: object) -> str:
    """What was found, short and on one line."""
    word = ascii(found)
    return word if len(word) <= 60 else word[:50] + "..."


SCALARS: dict[str, Callable[[object, str], object]] = {
    "prediction": read_prediction, "device": read_device, "dtype": read_dtype, "threads": read_threads,
    "versions": read_texts, "read_as": read_text, "lossy": read_text,
}

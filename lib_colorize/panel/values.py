"""A setting's value as its widget holds it, and what the infotext of a picture puts there."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import Field
from typing import Any

from ..hosts.settings import PREFIX, JobSettings, job_fields

MARKS = (PREFIX + "reference hash", PREFIX + "version")  # infotext keys that only a coloured picture has


def ui_value(value: Any) -> Any:
    """A setting's value as its widget holds it."""
    if isinstance(value, tuple):
        return " ".join(f"{number:g}" for number in value)
    return value.value if isinstance(value, enum.Enum) else value


def job_settings(values: Sequence[Any]) -> JobSettings:
    """Settings from the widgets' values in the order of job_fields()."""
    return JobSettings.from_values(dict(zip((item.name for item in job_fields()), values)))


def is_coloured(infotext: Mapping[str, str]) -> bool | None:
    """True for the infotext of a picture that this extension coloured; None, which changes no widget, for others."""
    return True if any(mark in infotext for mark in MARKS) else None


def pasted(item: Field[Any], infotext: Mapping[str, str]) -> Any:
    """The widget's value for a setting from a picture's infotext; None, which changes nothing, for others' pictures."""
    if not is_coloured(infotext):
        return None
    return ui_value(getattr(JobSettings.from_job_infotext(infotext), item.name))

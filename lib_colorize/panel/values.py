"""A setting's value as its widget holds it, and what the infotext of a picture puts there."""

from __future__ import annotations

import enum
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import Field
from typing import Any

from ..errors import ColorizeError
from ..hosts.settings import PREFIX, JobSettings, infotext_key, job_fields
from ..pictures.lineart import extractor

MARKS = (PREFIX + "reference hash", PREFIX + "version")  # infotext keys that only a coloured picture has
LEFT = "\0"  # in the place of a value that is not pasted; no text says that


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


def pasted_hash(infotext: Mapping[str, str]) -> str:
    """Which sketches a coloured picture was made from, so that the picture itself is not taken for one; "" of others.

    Pictures are not pasted by a text: what lies in the boxes stays there.
    """
    return infotext.get(PREFIX + "sketch hash", "") if is_coloured(infotext) else ""


def leave_out_bad(infotext: MutableMapping[str, str]) -> list[str]:
    """What is wrong with our settings in a text that is pasted into a page; each of these becomes LEFT, see `pasted`.
    """
    problems = []
    for item in job_fields() if is_coloured(infotext) else ():
        try:
            pasted(item, infotext)
        except ColorizeError as error:
            problems.append(str(error))
            infotext[infotext_key(item)] = LEFT
    return problems


def pasted(item: Field[Any], infotext: Mapping[str, str]) -> Any:
    """The widget's value for a setting from a picture's infotext; None, which changes nothing, for others' pictures.

    A key that is not there means the default, or what was before there was such a setting; LEFT leaves the widget
    as it is. Each setting is read alone; ColorizeError for what is no value for it, in a changed text or one of
    a later version.
    """
    before = item.metadata["before"]
    found = infotext.get(infotext_key(item), item.default if before is None else before)
    if not is_coloured(infotext) or found == LEFT:
        return None
    settings = JobSettings.from_values({item.name: found})
    extractor(settings.extractor)  # settings take any name
    return ui_value(getattr(settings, item.name))

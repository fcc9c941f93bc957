"""Between the page and the package, without widgets: their values, pasted infotext, what is said about the model."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import Field
from html import escape
from typing import TYPE_CHECKING, Any

from ..hosts.checkpoints import INSIDE
from ..hosts.settings import PREFIX, JobSettings, job_fields
from ..models.catalogue import Folders, Purpose
from .models_panel import table
from .translations import Texts

if TYPE_CHECKING:
    from ..hosts.questions import Status

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


def model_note(status: Status, t: Texts) -> str:
    """HTML: the loaded checkpoint, its prediction type, and whether its reference encoder is there."""
    name, problem = escape(status.checkpoint), f"<b>{escape(status.problem)}</b>"
    if not status.is_colorize:
        lines = [t("note_foreign", checkpoint=name) if name else t("note_none")]
    elif not status.resolution:  # damaged, or of a kind that cannot run yet
        lines = [f"{name}: {problem}"]
    else:
        prediction = status.prediction or t("unknown")
        encoder = t("encoder_inside") if status.reference_encoder == INSIDE else escape(status.reference_encoder)
        lines = [t("note_colorize", checkpoint=name, prediction=prediction, resolution=status.resolution),
                 t("note_encoder", encoder=encoder) if encoder else f"<b>{t('note_no_encoder')}</b>"]
        lines += [problem] if encoder and status.problem else []
    return f'<div class="colorize-note">{"<br>".join(lines)}</div>'


def model_table(status: Status, folders: Folders, t: Texts) -> str:
    """HTML: which model files there are, and which are missing."""
    in_use = [Purpose.CHECKPOINT] if status.is_colorize and status.resolution else []
    in_use += [Purpose.REFERENCE_ENCODER] if status.reference_encoder else []
    return table(folders, t, in_use)

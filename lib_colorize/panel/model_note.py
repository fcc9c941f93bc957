"""What the panel says about the checkpoint that the next run will use, as HTML."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from ..hosts.checkpoints import INSIDE
from .texts import Texts

if TYPE_CHECKING:
    from ..hosts.checkpoint_status import Status


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

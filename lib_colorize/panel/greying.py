"""Greys out what the chosen checkpoint can do nothing with, and says in the section who has it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr

from ..hosts.lacking import CLIP
from ..hosts.settings import job_fields
from .setting_widgets import SettingWidgets
from .texts import Texts

if TYPE_CHECKING:
    from ..hosts.checkpoint_status import Status


class Greying:
    """notes: section -> the HTML that says why. A greyed value is still sent, and refused with the same reason."""

    def __init__(self, settings: SettingWidgets, notes: dict[str, Any], texts: Texts) -> None:
        self.settings, self.notes, self.texts = settings, notes, texts
        self.items = [item for item in job_fields() if item.metadata["section"] in notes]

    @property
    def outputs(self) -> list[Any]:
        """The widgets that `updates` is about."""
        return [*(self.settings.made[item.name] for item in self.items), *self.notes.values()]

    def updates(self, status: Status) -> list[Any]:
        """For each of `outputs`, in their order."""
        grey = [gr.update(interactive=item.name not in status.lacks) for item in self.items]
        return [*grey, *(self._said(section, status) for section in self.notes)]

    def _said(self, section: str, status: Status) -> Any:
        by_kind: dict[str, list[str]] = {}
        for item in self.items:
            if item.metadata["section"] == section and item.name in status.lacks:
                by_kind.setdefault(status.lacks[item.name], []).append(self.texts.label(item))
        lines = [self.texts("lacks_clip") if kinds == CLIP else
                 self.texts("lacks_kind", names=", ".join(names), kinds=kinds) for kinds, names in by_kind.items()]
        note = f'<div class="colorize-note">{"<br>".join(map(escape, lines))}</div>'
        return gr.update(value=note, visible=bool(lines))

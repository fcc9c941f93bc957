"""One widget for each setting, made from its type and metadata, and the presets that fill them."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from functools import partial
from typing import Any

import gradio as gr

from ..hosts.settings import job_fields
from ..pictures.lineart import EXTRACTORS
from .elements import Elements, unsaved
from .presets import Intention, preset
from .values import ui_value

ON_IN_THE_PAGE = ("size_from_sketch",)  # the API keeps the default


class SettingWidgets:
    """The widgets by the name of their setting, in whatever order the page shows them."""

    def __init__(self, elements: Elements) -> None:
        self.elements, self.made = elements, dict[str, Any]()

    def rows(self, rows: Sequence[Sequence[str]]) -> None:
        """Settings beside each other, row by row."""
        for row in rows:
            with gr.Row():
                for name in row:
                    self.add(name)

    def rest(self, section: str) -> None:
        """The settings of a section that have no place of their own."""
        for item in job_fields():
            if item.metadata["section"] == section and item.name not in self.made:
                self.add(item.name)

    def add(self, name: str, **more: Any) -> None:
        """The widget of one setting."""
        t, item = self.elements.texts, next(item for item in job_fields() if item.name == name)
        default, meta = ui_value(item.default), item.metadata
        common = {"label": t.label(item), "info": t.help(item), "elem_id": self.elements.elem_id(name),
                  "value": default, **more}
        if name == "extractor":
            made = gr.Radio([(t.choice(key, each.label), key) for key, each in EXTRACTORS.items()], **common)
        elif isinstance(item.default, enum.Enum):
            made = gr.Radio([(t.choice(each.value, of=name), each.value) for each in type(item.default)], **common)
        elif isinstance(item.default, bool):
            on = default or (name in ON_IN_THE_PAGE and not self.elements.place.unseen)
            made = gr.Checkbox(**{**common, "value": on}, elem_classes="colorize-check")  # its help below it
        elif isinstance(item.default, tuple):
            made = gr.Textbox(placeholder=t("blocks_placeholder"), **common)
        elif isinstance(item.default, str):
            made = gr.Textbox(**common)
        else:
            made = gr.Slider(meta["low"], meta["high"], step=meta["step"], **common)
        self.made[name] = unsaved(made)

    def in_order(self) -> list[Any]:
        """All of them in the order of the API's list."""
        return [self.made[item.name] for item in job_fields()]

    def connect_presets(self, buttons: dict[Intention, Any]) -> None:
        """Each button fills the settings of its preset and no others."""
        for intention, button in buttons.items():
            values = {self.made[name]: gr.update(value=ui_value(value)) for name, value in preset(intention).items()}
            button.click(partial(lambda filled: filled, values), None, list(values), show_progress="hidden")

"""The folded section for what becomes of the model's picture: its size, layers, hints, a palette."""

from __future__ import annotations

from typing import Any

import gradio as gr

from .elements import Elements, unsaved
from .pictures import PICTURE
from .setting_widgets import SettingWidgets

ROWS = (("result_size", "layers"), ("enlarge", "gap"), ("palette_limit",))
PALETTES = [".gpl", ".ase", ".aco", "image"]


class FinishSection:
    """made: what makes a request, by the names of the API's arguments; layer_files: the last result's, to download."""

    def __init__(self, elements: Elements, settings: SettingWidgets) -> None:
        t, elem_id = elements.texts, elements.elem_id
        with elements.folded("finish"):
            settings.rows(ROWS[:1])
            self.layer_files: Any = unsaved(gr.File(
                label=t("layer_files"), elem_id=elem_id("layer_files"), file_count="multiple", interactive=False,
                visible=False))
            with gr.Row():
                hints = gr.Image(label=t("hints"), elem_id=elem_id("hints"), **{**PICTURE, "height": 180})
                palette = gr.File(label=t("palette"), elem_id=elem_id("palette"), file_types=PALETTES, type="binary",
                                  height=180)
            settings.rows(ROWS[1:])
            settings.rest("finish")
        self.made: dict[str, Any] = {"hints": hints, "palette": palette}

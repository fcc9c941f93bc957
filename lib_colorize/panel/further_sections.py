"""Folded sections for what goes beyond two pictures: figure and background, references, finishing, injection, texts."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ..errors import ColorizeError
from ..pictures.extras import FURTHER
from .elements import Elements, errors_shown
from .finish_section import FinishSection
from .pictures import PICTURE
from .place import Program
from .setting_widgets import SettingWidgets
from .values import job_settings

SMALL = {**PICTURE, "height": 180}
MASKS = (("background_enhance", "foreground_enhance", "style_enhance"),
         ("backdrop", "backdrop_colour", "remove_foreground"), ("foreground_strength", "background_strength"),
         ("background_factor", "merge"), ("reference_threshold", "sketch_threshold"))
REFERENCES = (("reference_scale", "reference_padding"),)
INJECTION = (("injection", "injection_fidelity"), ("injection_control", "injection_start"))
TEXT = (("text_target", "text_anchor", "text_control"), ("text_scale", "text_enhance"),
        ("text_threshold_0", "text_threshold_1", "text_threshold_2", "text_threshold_3"), ("text_changes",))
SEEN_TEXTS = ("text_control", "text_anchor", "text_target")  # the first of them that is filled is looked for


class FurtherSections:
    """Their picture boxes are in `made`, by the names of the API's arguments."""

    def __init__(self, elements: Elements, settings: SettingWidgets, reference: Any, program: Program) -> None:
        self.elements, self.settings, self.program = elements, settings, program
        self.made: dict[str, Any] = {}
        self.notes: dict[str, Any] = {}  # of sections with settings that not every checkpoint has
        with elements.folded("masks"):
            self._note("masks")
            with gr.Row():
                self._boxes("sketch_mask", "reference_mask", "background")
            settings.rows(MASKS)
            settings.rest("masks")
        with elements.folded("references"):
            for name in ("reference", *FURTHER):
                with gr.Row():
                    self._boxes(*(() if name == "reference" else (name,)), f"{name}_region")
                    settings.add(f"{name}_weight")
            settings.rows(REFERENCES)
            settings.rest("references")
        self.finish = FinishSection(elements, settings)
        self.made |= self.finish.made
        with elements.folded("injection"):
            settings.rows(INJECTION)
            settings.rest("injection")
        with elements.folded("text"):
            self._note("text")
            settings.rows(TEXT)
            settings.rest("text")
            self._heat_map(reference)

    def _note(self, section: str) -> None:
        self.notes[section] = gr.HTML(elem_id=self.elements.elem_id(f"{section}_note"), visible=False)

    def _boxes(self, *names: str) -> None:
        for name in names:
            self.made[name] = gr.Image(label=self.elements.texts(name), elem_id=self.elements.elem_id(name), **SMALL)

    def _heat_map(self, reference: Any) -> None:
        """The button that shows what the text finds."""
        t, elements = self.elements.texts, self.elements
        button = elements.button("heat_map_button")
        seen = gr.Image(label=t("heat_map"), elem_id=elements.elem_id("heat_map"), interactive=False, visible=False,
                        height=320)

        def run(picture: Any, *values: Any) -> Any:
            with errors_shown():
                settings = job_settings(values)
                text = next((word for name in SEEN_TEXTS if (word := getattr(settings, name))), "")
                if picture is None or not text:
                    raise ColorizeError(t("no_reference" if picture is None else "no_text"))
                return gr.update(value=self.program.heat_map(picture, text, settings), visible=True)

        button.click(run, [reference, *self.settings.in_order()], [seen])

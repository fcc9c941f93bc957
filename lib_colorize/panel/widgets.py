"""The whole panel, put together from its parts and connected."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import gradio as gr

from ..errors import ColorizeError
from ..hosts.request import ARGUMENTS
from ..hosts.settings import JobSettings, job_fields
from .elements import Elements, errors_shown
from .further_sections import FurtherSections
from .greying import Greying
from .model_note import model_note
from .models_section import ModelsSection
from .pictures import Pictures
from .place import Place, Program
from .presets import Intention
from .setting_widgets import SettingWidgets
from .texts import Texts
from .touching_up import add_touching_up
from .values import is_coloured, job_settings, pasted, pasted_hash

MAIN = (("reference_guidance", "reference_strength"), ("sketch_strength", "line_overlay"))
LINES = (("polarity",), ("extractor",))
ADVANCED = (("sketch_guidance", "encoder_strength"), ("semantics_strength", "colour_strength"), ("block_strengths",),
            ("guidance_start", "guidance_end"), ("no_guidance_start", "no_guidance_end"))



class Panel:
    """The widgets of one page or tab, made where gradio is now; `arguments` are those that make a request.

    Raises nothing; what its buttons refuse is shown in the page.
    """

    def __init__(self, place: Place, program: Program) -> None:
        self.place, self.program, self.texts = place, program, Texts(place.language)
        self.elements = elements = Elements(place, self.texts)
        with elements.frame() as self.enabled:
            with gr.Row(elem_classes="colorize-row"):
                self.note: Any = gr.HTML(elem_id=place.elem_id("note"))
                check = elements.button("check", scale=0, min_width=150)
            self.pictures = Pictures(elements)
            with gr.Row():
                presets = {intention: elements.button(intention.value) for intention in Intention}
            self.settings = SettingWidgets(elements)
            self._settings()
            with elements.folded("models"):
                self.models = ModelsSection(elements, program)
        add_touching_up(elements)
        self.enabled.do_not_save_to_config = True
        self.settings.connect_presets(presets)
        self._connect(check)

    @property
    def arguments(self) -> list[Any]:
        """In the order of `hosts.request.ARGUMENTS`."""
        pictures = self.pictures
        by_name = {"enabled": self.enabled, "reference": pictures.reference, "sketch": pictures.sketch,
                   "sketch_hash": pictures.sketch_hash, **self.settings.made, **self.further.made}
        return [by_name[name] for name in ARGUMENTS]

    @property
    def pasted(self) -> list[tuple[Any, Callable[[Mapping[str, str]], Any]]]:
        """(widget, function of a picture's infotext that gives its value, None = leave it), as WebUIs take them."""
        return [(self.enabled, is_coloured), (self.pictures.sketch_hash, pasted_hash),
                *((self.settings.made[item.name], partial(pasted, item)) for item in job_fields())]

    def show_layers(self, results: Any, information: Any) -> None:
        """From now on the last results' layers can be downloaded. results: a widget of the page that changes with them;
        information: one that holds what `Program.layer_files` is asked of.
        """
        def found(text: Any) -> Any:
            files = list(self.program.layer_files(str(text or "")))
            return gr.update(value=files or None, visible=bool(files))

        results.change(found, [information], [self.further.finish.layer_files], show_progress="hidden")

    def _settings(self) -> None:
        """All settings, and beside them the buttons that look at the sketch."""
        elements, place = self.elements, self.place
        self.settings.rows(MAIN)
        self.settings.add("start", visible=place.is_img2img)
        self.settings.add("size_from_sketch")
        self._size = elements.button("size_button") if {"width", "height"} <= set(place.page) else None
        with elements.folded("lines"):
            self.settings.rows(LINES)
            self.settings.rest("lines")
        with elements.folded("advanced"):
            self.settings.rows(ADVANCED)
            self.settings.rest("advanced")
        self.further = FurtherSections(elements, self.settings, self.pictures.reference, self.program)
        self.greying = Greying(self.settings, self.further.notes, self.texts)

    def _connect(self, check: Any) -> None:
        page, settings = self.place.page, self.settings
        pictures = [self.pictures.sketch, *([page["image"]] if "image" in page else [])]
        self.pictures.seen.connect(self.enabled, pictures, settings.made, settings.in_order(), self.program)
        if self._size is not None:
            self._connect_sketch(pictures, self._size, self.program.size_for, [page["width"], page["height"]])
        said = [self.note, *self.greying.outputs]
        check.click(lambda: (*self._said(), self.models.table()), None, [*said, self.models.listing])
        self.enabled.change(lambda on: self._said() if on else [gr.update() for _ in said], [self.enabled], said,
                            show_progress="hidden")

    def _said(self) -> list[Any]:
        status = self.program.status()
        return [model_note(status, self.texts), *self.greying.updates(status)]

    def _connect_sketch(self, pictures: list[Any], button: Any, action: Callable[[Any, JobSettings], Any],
                        outputs: list[Any]) -> None:
        """action(picture, settings): of the sketch box, else of the page's own picture."""
        missing = self.texts("no_sketch_img2img" if self.place.is_img2img else "no_sketch_txt2img")

        def run(*values: Any) -> Any:
            picture = next((value for value in values[: len(pictures)] if value is not None), None)
            with errors_shown():
                if picture is None:
                    raise ColorizeError(missing)
                return action(picture, job_settings(values[len(pictures):]))

        button.click(run, [*pictures, *self.settings.in_order()], outputs)

"""What the model will see of the sketch, and how it was read: beside the sketch's box, after every change of either."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import fields
from html import escape
from typing import Any

import gradio as gr

from ..errors import ColorizeError
from ..hosts.settings import JobSettings
from ..method.reading_settings import ReadingSettings
from .elements import GRADIO_3, Elements, errors_shown
from .place import Program
from .values import job_settings

READ_BY = ("polarity", "extractor", "line_overlay", "result_size", "size_from_sketch", "start",
           *(item.name for item in fields(ReadingSettings) if item.name != "trim_reference"))
PAUSE = 400  # milliseconds in which a further change takes the place of this one
# Sends nothing but the last of several changes, and no picture at all while the panel is off.
LAST_CHANGE = """async (...values) => {
    const turns = window.colorizeDiffusionTurns ??= {}, turn = turns["NAME"] = (turns["NAME"] ?? 0) + 1;
    await new Promise(done => setTimeout(done, PAUSE));
    if (turn !== turns["NAME"]) return values.map(() => null);
    return values[0] ? values : [false, ...values.slice(1).fill(null)];
}"""


class SeenSketch:
    """The picture and the line below it; made in the row of the boxes, `connect`ed when all settings are there."""

    def __init__(self, elements: Elements) -> None:
        self.elements = elements
        self.picture: Any = gr.Image(label=elements.texts("preview"), elem_id=elements.elem_id("preview"),
                                     interactive=False, visible=False, height=260)
        self._one_at_a_time = threading.Lock()  # else the answer to an earlier change might come last

    def add_note(self) -> None:
        """Below the boxes."""
        self.note: Any = gr.HTML(visible=False, elem_id=self.elements.elem_id("seen"))

    def add_button(self) -> None:
        """For whoever wants it now."""
        self.button = self.elements.button("preview_button")

    def connect(self, enabled: Any, pictures: Sequence[Any], settings: dict[str, Any], in_order: Sequence[Any],
                program: Program) -> None:
        """pictures: the first of them that is filled is the sketch. settings: widgets by name."""
        self.program, self.count = program, len(pictures)
        said = [self.picture, self.note]
        self.button.click(self._asked, [*pictures, *in_order], said)
        script = LAST_CHANGE.replace("NAME", self.elements.elem_id("seen")).replace("PAUSE", str(PAUSE))
        for widget in (enabled, *pictures, *(settings[name] for name in READ_BY)):
            widget.change(self._changed, [enabled, *pictures, *in_order], said, show_progress="hidden",
                          **{"_js" if GRADIO_3 else "js": script})

    def _asked(self, *values: Any) -> Any:
        """By the button: what is wrong is said where errors are said."""
        with errors_shown():
            if self._sketch(values) is None:
                place = self.elements.place
                raise ColorizeError(self.elements.texts("no_sketch_img2img" if place.is_img2img else
                                                        "no_sketch_txt2img"))
            return self._seen(values)

    def _changed(self, on: bool | None, *values: Any) -> Any:
        """on: None = another change came after this one."""
        if on is None:
            return gr.update(), gr.update()
        if not on or self._sketch(values) is None:
            return gr.update(value=None, visible=False), gr.update(visible=False)
        try:
            return self._seen(values)
        except ColorizeError as error:
            return gr.update(value=None, visible=False), self._said(str(error))

    def _sketch(self, values: Sequence[Any]) -> Any:
        return next((value for value in values[: self.count] if value is not None), None)

    def _seen(self, values: Sequence[Any]) -> Any:
        settings: JobSettings = job_settings(values[self.count:])
        with self._one_at_a_time:
            picture, told = self.program.preview(self._sketch(values), settings)
        return gr.update(value=picture, visible=True), self._said(told)

    @staticmethod
    def _said(text: str) -> Any:
        return gr.update(value=f'<div class="colorize-note">{escape(text)}</div>', visible=True)

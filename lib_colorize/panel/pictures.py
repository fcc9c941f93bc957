"""The panel's two picture boxes and what is seen of the sketch; the swap, and the sketch that a pasted text names."""

from __future__ import annotations

import json
from html import escape
from typing import Any

import gradio as gr

from .elements import GRADIO_3, Elements, unsaved
from .seen_sketch import SeenSketch

PICTURE = {"type": "pil", "image_mode": "RGBA", "interactive": True, "height": 260,
           **({"source": "upload"} if GRADIO_3 else {"sources": ["upload", "clipboard"], "format": "png"})}
BY_HAND = ("upload", "clear", "edit")  # events of an image box that no program's own change of it fires
# A drawing canvas fires the same event for both, so the JavaScript, which sees the user's hand, decides.
FOR_SCRIPTS = ("as_reference", "as_sketch", "size_unused")
HELD_OR_VOID = "held => window.colorizeDiffusionByHand?.() ?? true ? '' : held"


class Pictures:
    """The two boxes. `sketch_hash`, which nobody sees, holds what a pasted text says (`values.pasted_hash`)."""

    def __init__(self, elements: Elements) -> None:
        t, elem_id = elements.texts, elements.elem_id
        with gr.Row():
            self.reference: Any = gr.Image(label=t("reference"), elem_id=elem_id("reference"), **PICTURE)
            label = "sketch" if elements.place.is_img2img else "sketch_txt2img"
            self.sketch: Any = gr.Image(label=t(label), elem_id=elem_id("sketch"), **PICTURE)
            self.seen = SeenSketch(elements)
        words = escape(json.dumps({key: t(key) for key in FOR_SCRIPTS}))  # for the JavaScript
        hint = t("sketch_help_img2img" if elements.place.is_img2img else "sketch_help_txt2img")
        self.seen.add_note()
        gr.HTML(f'<div class="colorize-hint" data-texts="{words}">{hint}</div>')
        with gr.Row(elem_classes="colorize-row"):
            swap = elements.button("swap")
            self.seen.add_button()
        self.sketch_hash: Any = unsaved(gr.Textbox("", visible=False, elem_id=elem_id("sketch_hash")))
        for box in elements.place.boxes:
            self._void_when_changed(box)
        boxes = [self.reference, self.sketch]
        swap.click(lambda reference, sketch: (sketch, reference), boxes, boxes)

    def _void_when_changed(self, box: Any) -> None:
        """Another picture put there by the user is another sketch; one that comes with a pasted text is not."""
        held = [self.sketch_hash]
        if isinstance(box, gr.Textbox):  # a drawing canvas' hidden half
            box.input(None, held, held, **{"_js" if GRADIO_3 else "js": HELD_OR_VOID})
            return
        for event in (getattr(box, name) for name in BY_HAND if hasattr(box, name)):
            event(lambda: "", None, held, show_progress="hidden", queue=False)

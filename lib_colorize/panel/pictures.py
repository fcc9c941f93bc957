"""The panel's two picture boxes: reference and sketch, and what swaps them."""

from __future__ import annotations

import json
from html import escape
from typing import Any

import gradio as gr

from .elements import Elements

GRADIO_3 = gr.__version__.startswith("3.")
PICTURE = {"type": "pil", "image_mode": "RGBA", "interactive": True, "height": 260,
           **({"source": "upload"} if GRADIO_3 else {"sources": ["upload", "clipboard"], "format": "png"})}


class Pictures:
    """The two boxes."""

    def __init__(self, elements: Elements) -> None:
        t, elem_id = elements.texts, elements.elem_id
        with gr.Row():
            self.reference: Any = gr.Image(label=t("reference"), elem_id=elem_id("reference"), **PICTURE)
            self.sketch: Any = gr.Image(label=t("sketch"), elem_id=elem_id("sketch"), **PICTURE)
        with gr.Row(elem_classes="colorize-row"):
            words = escape(json.dumps({key: t(key) for key in ("as_reference", "as_sketch")}))  # for the JavaScript
            hint = t("sketch_help_img2img" if elements.place.is_img2img else "sketch_help_txt2img")
            gr.HTML(f'<div class="colorize-hint" data-texts="{words}">{hint}</div>')
            swap = elements.button("swap", scale=0, min_width=220)
        boxes = [self.reference, self.sketch]
        swap.click(lambda reference, sketch: (sketch, reference), boxes, boxes)

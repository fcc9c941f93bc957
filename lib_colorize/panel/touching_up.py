"""The place of the section "compare and put right", which JavaScript fills: a fold of its own below the panel.

It lies outside the panel, whose fold switches the extension on: nothing here needs a model.
"""

from __future__ import annotations

import json
from html import escape

import gradio as gr

from .elements import Elements
from .touching_words import touching_words


def add_touching_up(elements: Elements) -> None:
    """Made where gradio is now; invisible to the API, as it has no value."""
    words = touching_words(elements.texts.language)
    tab = "img2img" if elements.place.is_img2img else "txt2img"
    with gr.Accordion(f"{elements.place.title}: {words['title']}", open=False,
                      elem_id=elements.elem_id("touching_up_fold")):
        gr.HTML(f'<div id="colorize_{tab}_touching_up" class="colorize-touching-up" '
                f'data-texts="{escape(json.dumps(words))}"></div>', elem_id=elements.elem_id("touching_up"))

"""Buttons, folds, frames and errors, as all parts of the panel make them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr

from ..errors import ColorizeError
from .place import Place
from .texts import Texts

GRADIO_3 = gr.__version__.startswith("3.")


@contextmanager
def errors_shown() -> Iterator[None]:
    """Bad input as a message in the page."""
    try:
        yield
    except ColorizeError as error:
        raise gr.Error(str(error)) from None


def unsaved(widget: Any) -> Any:
    """The widget, left out of a WebUI's file of defaults: those of the first start would stay there for ever."""
    widget.do_not_save_to_config = True
    return widget


class Elements:
    """Makes what has a label and an id, for one panel."""

    def __init__(self, place: Place, texts: Texts) -> None:
        self.place, self.texts, self.elem_id = place, texts, place.elem_id

    def button(self, key: str, **more: Any) -> Any:
        """A small button, with the phrase of that key on it."""
        return unsaved(gr.Button(self.texts(key), elem_id=self.elem_id(key), size="sm", **more))

    @contextmanager
    def folded(self, key: str) -> Iterator[None]:
        """A part that is closed at first."""
        with gr.Accordion(self.texts(key), open=False), gr.Column(elem_classes="colorize-panel"):
            yield

    @contextmanager
    def frame(self) -> Iterator[Any]:
        """The whole panel's; yields the checkbox that switches it on."""
        make = self.place.frame or _checkbox
        with make(self.place.title, self.elem_id("enable")) as enabled, gr.Column(elem_classes="colorize-panel"):
            yield enabled


@contextmanager
def _checkbox(label: str, elem_id: str) -> Iterator[Any]:
    yield gr.Checkbox(False, label=label, elem_id=elem_id)

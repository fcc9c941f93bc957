"""The panel's models: what is needed and where it goes, download and import."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

import gradio as gr

from .elements import Elements, errors_shown, unsaved
from .models_table import downloads, licence_note, table_beside
from .place import Program
from .transfers import TRANSFERS


class ModelsSection:
    """The table, and below it what brings files onto this machine, where the program allows that."""

    def __init__(self, elements: Elements, program: Program) -> None:
        self.elements, self.program, self.texts = elements, program, elements.texts
        t = self.texts
        self.listing: Any = gr.HTML(f"<p>{t('press_check')}</p>", elem_id=elements.elem_id("models"),
                                    elem_classes="colorize-models")
        if not program.downloads_open():
            gr.HTML(f"<p>{t('models_closed')}</p>")
            return
        download, wanted, accepted = self._download()
        path = unsaved(gr.Textbox("", label=t("import_path"), max_lines=1, elem_id=elements.elem_id("path")))
        take_in = elements.button("import")
        progress = gr.HTML(elem_id=elements.elem_id("progress"))
        for button, work, inputs in ((download, self._downloading, [wanted, accepted]),
                                     (take_in, self._importing, [path])):
            button.click(work, inputs, [progress]).then(self.table, None, [self.listing])

    def table(self) -> str:
        """HTML, as things are now."""
        return table_beside(self.program.status(), self.program.folders(), self.texts)

    def _download(self) -> tuple[Any, Any, Any]:
        """The choice of a file, its licence and the buttons; returns the download button and the two it reads."""
        t, elem_id, files = self.texts, self.elements.elem_id, downloads(self.texts)
        names, self._ids = zip(*files)
        wanted = unsaved(gr.Dropdown(list(names), value=names[0], type="index", label=t("download_choice"),
                                     elem_id=elem_id("wanted")))  # gradio 3 shows the value of a pair, not its name
        licence = gr.HTML(licence_note(self._ids[0], t), elem_id=elem_id("licence"))
        accepted = unsaved(gr.Checkbox(False, label=t("accept"), elem_id=elem_id("accepted")))
        with gr.Row():
            download, stop = self.elements.button("download"), self.elements.button("stop")
        wanted.change(lambda index: (licence_note(self._ids[index], t), False), [wanted], [licence, accepted],
                      show_progress="hidden")
        stop.click(TRANSFERS.stop, None, None)
        return download, wanted, accepted

    def _downloading(self, index: int, agreed: bool) -> Iterator[str]:
        program = self.program
        with errors_shown():
            yield from map(escape, TRANSFERS.download(self._ids[index], program.folders(), agreed, program.mirror(),
                                                      self.texts))

    def _importing(self, where: str) -> Iterator[str]:
        with errors_shown():
            yield from map(escape, TRANSFERS.take_in(where, self.program.folders(), self.texts))

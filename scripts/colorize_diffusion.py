"""The only script: widgets made from the settings; every hook of the host goes to `lib_colorize.hosts.hooks`."""

from __future__ import annotations

import enum
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from html import escape
from typing import Any

import gradio as gr
from modules import scripts, shared
from modules.ui_components import InputAccordion

from lib_colorize.errors import ColorizeError
from lib_colorize.hosts.settings import JobSettings, job_fields
from lib_colorize.hosts.webui import hooks
from lib_colorize.method.lineart import EXTRACTORS
from lib_colorize.panel.models_panel import TRANSFERS, downloads, licence_note
from lib_colorize.panel.page import is_coloured, job_settings, model_note, model_table, pasted, ui_value
from lib_colorize.panel.presets import Intention, preset
from lib_colorize.panel.translations import Language, Texts, choose_language

MAIN = (("reference_guidance", "reference_strength"), ("sketch_strength", "line_overlay"))
LINES = (("polarity",), ("extractor",))
ADVANCED = (("sketch_guidance", "encoder_strength"), ("semantics_strength", "colour_strength"), ("block_strengths",),
            ("guidance_start", "guidance_end"), ("no_guidance_start", "no_guidance_end"))
ON_IN_THE_PAGE = ("size_from_sketch",)  # the API, for which ui() is called outside the page, keeps the default
CANVAS_PICTURE = "logical_image_background"  # Forge: a hidden text box, made right after the canvas that is its face
GRADIO_3 = gr.__version__.startswith("3.")
PICTURE = {"type": "pil", "image_mode": "RGBA", "interactive": True, "height": 260,
           **({"source": "upload"} if GRADIO_3 else {"sources": ["upload", "clipboard"], "format": "png"})}


def texts() -> Texts:
    """The panel's words in the language of the settings page, else of the host."""
    wanted = getattr(shared.opts, "colorize_language", "auto")
    return Texts(choose_language(wanted, getattr(shared.opts, "localization", "")))


def add_options() -> None:
    """Our page in the host's settings. At once, not in the callback that --nowebui never calls."""
    t, page = texts(), ("colorize_diffusion", hooks.TITLE)
    languages = [language.value for language in Language]
    options = {
        "prediction": shared.OptionInfo("auto", t("option_prediction"), gr.Radio, {"choices": ["auto", "eps", "v"]}),
        "models_dir": shared.OptionInfo("", t("option_models_dir"), restrict_api=True),
        "reference_encoder": shared.OptionInfo("", t("option_encoder")),
        "mirror": shared.OptionInfo("", t("option_mirror"), restrict_api=True),
        "language": shared.OptionInfo("auto", t("option_language"), gr.Radio, {"choices": ["auto", *languages]}),
    }
    options["models_dir"].info(t("option_models_dir_help"))
    options["reference_encoder"].info(t("option_encoder_help"))
    options["mirror"].info(t("option_mirror_help"))
    options["language"].needs_reload_ui()
    for name, option in options.items():
        option.section = page
        shared.opts.add_option(f"colorize_{name}", option)


@contextmanager
def errors_shown() -> Iterator[None]:
    """Bad input as a message in the page."""
    try:
        yield
    except ColorizeError as error:
        raise gr.Error(str(error)) from None


class Panel:
    """The widgets of one tab; made anew by every call of ui()."""

    def __init__(self, elem_id: Callable[[str], str], host: dict[str, Any], is_img2img: bool) -> None:
        """host: the page's own sliders and picture, as far as they are there (`width`, `height`, `image`)."""
        self.t, self.elem_id, self.host, self.is_img2img = texts(), elem_id, host, is_img2img
        self.made: dict[str, Any] = {}

    def build(self) -> list[Any]:
        """All widgets; returns those that are the script's arguments."""
        t = self.t
        accordion = InputAccordion(False, label=hooks.TITLE, elem_id=self.elem_id("enable"))
        with accordion as enabled, gr.Column(elem_classes="colorize-panel"):
            with gr.Row(elem_classes="colorize-row"):
                note = gr.HTML(elem_id=self.elem_id("note"))
                check = self.button("check", scale=0, min_width=150)
            self.pictures()
            with gr.Row():
                presets = {intention: self.button(intention.value) for intention in Intention}
            self.settings(MAIN)
            self.setting("start", visible=self.is_img2img)
            self.setting("size_from_sketch")
            size = self.button("size_button") if {"width", "height"} <= set(self.host) else None
            with self.folded("lines"):
                self.settings(LINES)
                preview = self.button("preview_button")
                seen = gr.Image(label=t("preview"), elem_id=self.elem_id("preview"), interactive=False, visible=False,
                                height=320)
            with self.folded("advanced"):
                self.settings(ADVANCED)
            with self.folded("models"):
                listing = self.models()
        enabled.do_not_save_to_config = True
        self.connect_presets(presets)
        self.connect_sketch(preview, self.preview, [seen])
        if size is not None:
            self.connect_sketch(size, self.size, [self.host["width"], self.host["height"]])
        check.click(lambda: (self.note(), self.table()), None, [note, listing])
        enabled.change(lambda on: self.note() if on else gr.update(), [enabled], [note], show_progress="hidden")
        return [enabled, self.reference, self.sketch, *self.values()]

    def note(self) -> str:
        return model_note(hooks.status(), self.t)

    def table(self) -> str:
        return model_table(hooks.status(), hooks.folders(), self.t)

    def values(self) -> list[Any]:
        """The settings' widgets in the order of the API's list."""
        return [self.made[item.name] for item in job_fields()]

    @contextmanager
    def folded(self, key: str) -> Iterator[None]:
        with gr.Accordion(self.t(key), open=False), gr.Column(elem_classes="colorize-panel"):
            yield

    def button(self, key: str, **more: Any) -> Any:
        made = gr.Button(self.t(key), elem_id=self.elem_id(key), size="sm", **more)
        made.do_not_save_to_config = True
        return made

    def settings(self, rows: Sequence[Sequence[str]]) -> None:
        for row in rows:
            with gr.Row():
                for name in row:
                    self.setting(name)

    def setting(self, name: str, **more: Any) -> None:
        """The widget of one setting, from its type and metadata."""
        t, item = self.t, next(item for item in job_fields() if item.name == name)
        default, meta = ui_value(item.default), item.metadata
        common = {"label": t.label(item), "info": t.help(item), "elem_id": self.elem_id(name), "value": default, **more}
        if name == "extractor":
            made = gr.Radio([(t.choice(key, each.label), key) for key, each in EXTRACTORS.items()], **common)
        elif isinstance(item.default, enum.Enum):
            made = gr.Radio([(t.choice(each.value), each.value) for each in type(item.default)], **common)
        elif isinstance(item.default, bool):
            made = gr.Checkbox(**{**common, "value": default or (name in ON_IN_THE_PAGE and bool(self.host))})
        elif isinstance(item.default, tuple):
            made = gr.Textbox(placeholder=t("blocks_placeholder"), **common)
        else:
            made = gr.Slider(meta["low"], meta["high"], step=meta["step"], **common)
        made.do_not_save_to_config = True  # else the defaults and ranges of the first start would stay for ever
        self.made[name] = made

    def pictures(self) -> None:
        t = self.t
        with gr.Row():
            self.reference = gr.Image(label=t("reference"), elem_id=self.elem_id("reference"), **PICTURE)
            self.sketch = gr.Image(label=t("sketch"), elem_id=self.elem_id("sketch"), **PICTURE)
        boxes = [self.reference, self.sketch]
        with gr.Row(elem_classes="colorize-row"):
            words = escape(json.dumps({key: t(key) for key in ("as_reference", "as_sketch")}))  # for the JavaScript
            hint = t("sketch_help_img2img" if self.is_img2img else "sketch_help_txt2img")
            gr.HTML(f'<div class="colorize-hint" data-texts="{words}">{hint}</div>')
            swap = self.button("swap", scale=0, min_width=220)
        swap.click(lambda reference, sketch: (sketch, reference), boxes, boxes)

    def connect_presets(self, buttons: dict[Intention, Any]) -> None:
        for intention, button in buttons.items():
            values = {self.made[name]: gr.update(value=ui_value(value)) for name, value in preset(intention).items()}
            button.click(partial(lambda filled: filled, values), None, list(values), show_progress="hidden")

    def connect_sketch(self, button: Any, action: Callable[..., Any], outputs: list[Any]) -> None:
        """action(picture, settings): of the sketch box, else of the page's own picture."""
        pictures = [self.sketch, *([self.host["image"]] if "image" in self.host else [])]

        def run(*values: Any) -> Any:
            picture = next((value for value in values[: len(pictures)] if value is not None), None)
            with errors_shown():
                if picture is None:
                    raise ColorizeError(self.t("no_sketch_img2img" if self.is_img2img else "no_sketch_txt2img"))
                return action(picture, job_settings(values[len(pictures):]))

        button.click(run, [*pictures, *self.values()], outputs)

    @staticmethod
    def preview(picture: Any, settings: JobSettings) -> Any:
        return gr.update(value=hooks.preview(picture, settings, None), visible=True)

    @staticmethod
    def size(picture: Any, settings: JobSettings) -> Any:
        return hooks.size_for(picture, settings)

    def models(self) -> Any:
        """What is needed and where it goes; download and import. Returns the table."""
        t, files = self.t, downloads(self.t)
        listing = gr.HTML(f"<p>{t('press_check')}</p>", elem_id=self.elem_id("models"), elem_classes="colorize-models")
        if getattr(shared.cmd_opts, "disable_extension_access", False):
            gr.HTML(f"<p>{t('models_closed')}</p>")
            return listing
        names, ids = zip(*files)
        wanted = gr.Dropdown(list(names), value=names[0], type="index", label=t("download_choice"),
                             elem_id=self.elem_id("wanted"))  # gradio 3 shows the value of a pair, not its name
        licence = gr.HTML(licence_note(ids[0], t), elem_id=self.elem_id("licence"))
        accepted = gr.Checkbox(False, label=t("accept"), elem_id=self.elem_id("accepted"))
        with gr.Row():
            download, stop = self.button("download"), self.button("stop")
        path = gr.Textbox("", label=t("import_path"), max_lines=1, elem_id=self.elem_id("path"))
        take_in = self.button("import")
        progress = gr.HTML(elem_id=self.elem_id("progress"))
        for widget in (wanted, accepted, path):
            widget.do_not_save_to_config = True

        def downloading(index: int, agreed: bool) -> Iterator[str]:
            mirror = getattr(shared.opts, "colorize_mirror", "")
            with errors_shown():
                yield from map(escape, TRANSFERS.download(ids[index], hooks.folders(), agreed, mirror, t))

        def importing(where: str) -> Iterator[str]:
            with errors_shown():
                yield from map(escape, TRANSFERS.take_in(where, hooks.folders(), t))

        wanted.change(lambda index: (licence_note(ids[index], t), False), [wanted], [licence, accepted],
                      show_progress="hidden")
        for button, work, inputs in ((download, downloading, [wanted, accepted]), (take_in, importing, [path])):
            button.click(work, inputs, [progress]).then(self.table, None, [listing])
        stop.click(TRANSFERS.stop, None, None)
        return listing


class ColorizeScript(scripts.Script):
    """Always there, in txt2img and img2img."""

    create_group = False  # the accordion is frame enough

    def __init__(self) -> None:
        self.page: dict[str, Any] = {}  # the host's own widgets, for buttons that read or write them

    def title(self) -> str:
        return hooks.TITLE

    def show(self, is_img2img: bool) -> Any:
        return scripts.AlwaysVisible

    def after_component(self, component: Any, **kwargs: Any) -> None:
        """Hosts call this for every widget of the page that they make."""
        names = {f"{self.tabname}_{name}": name for name in ("width", "height", "image")}
        if kwargs.get("elem_id") in names:
            self.page[names[kwargs["elem_id"]]] = component
        elif isinstance(self.page.get("image"), gr.HTML) and CANVAS_PICTURE in (kwargs.get("elem_classes") or ()):
            self.page["image"] = component

    def ui(self, is_img2img: bool) -> list[Any]:
        here = gr.context.Context.root_block.blocks  # hosts call ui() twice more, in another page, for its defaults
        usable = {name: widget for name, widget in self.page.items()
                  if widget._id in here and not isinstance(widget, gr.HTML)}
        panel = Panel(self.elem_id, usable, is_img2img)
        arguments = panel.build()
        self.infotext_fields = [
            (arguments[0], is_coloured), *((panel.made[item.name], partial(pasted, item)) for item in job_fields())]
        return arguments

    def before_process(self, p: Any, *args: Any) -> None:
        hooks.before_process(p, args)

    def process(self, p: Any, *args: Any) -> None:
        hooks.process(p, args)

    def process_before_every_sampling(self, p: Any, *args: Any, **kwargs: Any) -> None:
        hooks.before_sampling(p, args, kwargs["x"])

    def postprocess_image(self, p: Any, pp: Any, *args: Any) -> None:
        hooks.postprocess_image(p, pp, args)

    def postprocess(self, p: Any, processed: Any, *args: Any) -> None:
        hooks.postprocess(p, processed, args)


hooks.install()
add_options()

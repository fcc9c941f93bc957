"""The extension's only script: mounts the panel in a WebUI and hands every hook to `lib_colorize.hosts.webui.hooks`."""

from __future__ import annotations

from typing import Any

import gradio as gr
from modules import script_callbacks, scripts, shared
from modules.ui_components import InputAccordion
from PIL import Image

from lib_colorize.hosts.checkpoint_status import Status
from lib_colorize.hosts.settings import JobSettings
from lib_colorize.hosts.webui import hooks
from lib_colorize.models.catalogue import Folders
from lib_colorize.panel.language import Language, choose_language
from lib_colorize.panel.place import Place
from lib_colorize.panel.texts import Texts
from lib_colorize.panel.values import leave_out_bad
from lib_colorize.panel.widgets import Panel

BOXES = ("img2img_image", "img2img_sketch", "img2maskimg", "inpaint_sketch", "img_inpaint_base")  # img2img's own
CANVAS_PICTURE = "logical_image_background"  # Forge: a hidden text box, made right after the canvas that is its face


def language() -> Language:
    """That of the settings page, else the host's."""
    wanted = getattr(shared.opts, "colorize_language", "auto")
    return choose_language(wanted, getattr(shared.opts, "localization", ""))


def add_options() -> None:
    """Our page in the host's settings. At once, not in the callback that --nowebui never calls."""
    t, page = Texts(language()), ("colorize_diffusion", hooks.TITLE)
    languages = [each.value for each in Language]
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


class PanelPlace:
    """The WebUI's answers to the panel (`panel.place.Program`)."""

    def status(self) -> Status:
        return hooks.status()

    def preview(self, picture: Image.Image, settings: JobSettings) -> tuple[Image.Image, str]:
        return hooks.preview(picture, settings)

    def size_for(self, picture: Image.Image, settings: JobSettings) -> tuple[int, int]:
        return hooks.size_for(picture, settings)

    def heat_map(self, picture: Image.Image, text: str, settings: JobSettings) -> Image.Image:
        return hooks.reference_heat_map(picture, text, settings)

    def layer_files(self, information: str) -> list[str]:
        return hooks.written_layers(information)

    def folders(self) -> Folders:
        return hooks.folders()

    def mirror(self) -> str:
        return str(getattr(shared.opts, "colorize_mirror", ""))

    def downloads_open(self) -> bool:
        return not getattr(shared.cmd_opts, "disable_extension_access", False)


def tell_what_is_not_pasted(text: str, infotext: dict[str, str]) -> None:
    """When the page pastes a picture's text: the host would paste nothing of ours if one value were bad.

    The API comes another way, and there a bad value is the error that it should be.
    """
    problems = leave_out_bad(infotext)
    if problems:
        gr.Warning(Texts(language())("not_pasted", problems="; ".join(problems)))


def frame(label: str, elem_id: str) -> Any:
    """What WebUIs put a script into: an accordion that is open when it is switched on."""
    return InputAccordion(False, label=label, elem_id=elem_id)


class ColorizeScript(scripts.Script):
    """Always there, in txt2img and img2img."""

    create_group = False  # the accordion is frame enough

    def __init__(self) -> None:
        self.page: dict[str, Any] = {}  # the host's own widgets by elem_id, of a drawing canvas what holds its picture
        self.face = ""  # elem_id of the canvas made last
        self.panel: Panel | None = None  # of the page

    def title(self) -> str:
        return hooks.TITLE

    def show(self, is_img2img: bool) -> Any:
        return scripts.AlwaysVisible

    def after_component(self, component: Any, **kwargs: Any) -> None:
        """Hosts call this for every widget of the page that they make."""
        name, sliders = str(kwargs.get("elem_id")), (f"{self.tabname}_width", f"{self.tabname}_height")
        results, information = f"html_log_{self.tabname}", f"generation_info_{self.tabname}"
        if name in (results, information):  # made after the panel
            self.page[name] = component
            if self.panel is not None and {results, information} <= set(self.page):
                self.panel.show_layers(self.page[results], self.page[information])
        if self.is_img2img and name in BOXES and isinstance(component, gr.HTML):
            self.face = name
        elif self.face and CANVAS_PICTURE in (kwargs.get("elem_classes") or ()):
            self.page[self.face], self.face = component, ""
        elif name in sliders or (self.is_img2img and name in BOXES):
            self.page[name] = component

    def ui(self, is_img2img: bool) -> list[Any]:
        here = gr.context.Context.root_block.blocks  # hosts call ui() twice more, in another page, for its defaults
        usable = {name: widget for name, widget in self.page.items() if widget._id in here}
        named = {name: usable[f"{self.tabname}_{name}"] for name in ("width", "height", "image")
                 if f"{self.tabname}_{name}" in usable}
        boxes = [usable[name] for name in BOXES if name in usable]
        place = Place(language(), hooks.TITLE, is_img2img, self.elem_id, frame, named, boxes, unseen=not usable)
        panel = Panel(place, PanelPlace())
        self.panel = self.panel or panel
        self.infotext_fields = panel.pasted
        return panel.arguments

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
script_callbacks.on_infotext_pasted(tell_what_is_not_pasted)
add_options()

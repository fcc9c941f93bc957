"""Small honest fakes of a WebUI's `modules`, and a page of its that holds our script, under whichever gradio is there.

They do what the hosts do around a script, no more: make its widgets between their own, press buttons through gradio's
own processing, and paste a picture's infotext.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import importlib.util
import io
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import gradio as gr
from PIL import Image

ROOT = Path(__file__).parent.parent
SCRIPT = ROOT / "scripts" / "colorize_diffusion.py"
GRADIO = int(gr.__version__.split(".")[0])
if GRADIO == 4:  # as Forge does: else a subclass of a component leaves a .pyi file beside its source
    import gradio.component_meta

    gradio.component_meta.create_or_modify_pyi = lambda *args: None


class OptionInfo:
    """One setting of the host's settings page."""

    def __init__(self, default=None, label="", component=None, component_args=None, section=None, restrict_api=False):
        self.default, self.label, self.component, self.component_args = default, label, component, component_args
        self.section, self.restrict_api, self.comment_after = section, restrict_api, ""

    def info(self, text):
        self.comment_after += text
        return self

    def needs_reload_ui(self):
        self.comment_after += "(requires Reload UI)"
        return self


class Options:
    """`shared.opts`: what is saved goes before a default."""

    def __init__(self, **saved):
        self.data, self.data_labels = dict(saved), {}

    def add_option(self, name, option):
        self.data_labels[name] = option
        self.data.setdefault(name, option.default)

    def __getattr__(self, name):
        with contextlib.suppress(KeyError):
            return self.__dict__["data"][name]
        raise AttributeError(name)


class Script:
    """`modules.scripts.Script`, as far as an always visible script sees it."""

    infotext_fields = None
    is_img2img = False
    tabname = None

    def elem_id(self, item):
        return f"script_{self.tabname}_{self.title().lower()}_{item}"


class InputAccordion(gr.Checkbox):
    """An accordion whose open state is a hidden checkbox."""

    def __init__(self, value, *, label, elem_id):
        super().__init__(value, label=label, elem_id=f"{elem_id}-checkbox", visible=False)
        self.accordion = gr.Accordion(label=label, elem_id=elem_id, open=value)

    def __enter__(self):
        self.accordion.__enter__()
        return self

    def __exit__(self, *error):
        self.accordion.__exit__(*error)

    def get_block_name(self):
        return "checkbox"


@dataclass(frozen=True)
class Status:
    host: str = "fake"
    checkpoint: str = ""
    is_colorize: bool = False
    prediction: str = ""
    resolution: int = 0
    reference_encoder: str = ""
    problem: str = ""
    lacks: dict[str, str] = field(default_factory=dict)


def fake_hooks(**replaced):
    """A stand-in for `lib_colorize.hosts.webui.hooks` that writes down what it is called with."""
    module = ModuleType("lib_colorize.hosts.webui.hooks")
    module.TITLE, module.calls = "ColorizeDiffusion", []

    def recorder(name):
        return lambda *args: module.calls.append((name, *args))

    for name in ("install", "before_process", "process", "before_sampling", "postprocess_image", "postprocess"):
        setattr(module, name, recorder(name))
    module.calls_of = lambda name: [call for call in module.calls if call[0] == name]
    module.status = Status
    vars(module).update(replaced)
    return module


def load_script(monkeypatch, hooks=None, opts=None, **flags):
    """The script, run as a host runs it. hooks: None = the real ones."""
    shared = SimpleNamespace(opts=opts or Options(localization="None"), cmd_opts=SimpleNamespace(**flags),
                             OptionInfo=OptionInfo)
    on_paste: list[Any] = []
    fakes = {
        "script_callbacks": SimpleNamespace(on_infotext_pasted=on_paste.append, pasted=on_paste),
        "shared": shared, "scripts": SimpleNamespace(Script=Script, AlwaysVisible=object()),
        "ui_components": SimpleNamespace(InputAccordion=InputAccordion),
    }
    package = ModuleType("modules")
    for name, content in fakes.items():
        module = ModuleType(f"modules.{name}")
        vars(module).update(vars(content))
        setattr(package, name, module)
        monkeypatch.setitem(sys.modules, f"modules.{name}", module)
    monkeypatch.setitem(sys.modules, "modules", package)
    if hooks is not None:
        import lib_colorize.hosts.webui

        monkeypatch.setitem(sys.modules, "lib_colorize.hosts.webui.hooks", hooks)
        monkeypatch.setattr(lib_colorize.hosts.webui, "hooks", hooks, raising=False)
    spec = importlib.util.spec_from_file_location(SCRIPT.name, SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass
class Page:
    """One tab of the WebUI with our script in it, and what its widgets hold as the browser sees it."""

    script: Any
    demo: Any
    arguments: list[Any]
    host: dict[str, Any]
    held: dict[int, Any] = field(default_factory=dict)
    greyed: dict[int, bool] = field(default_factory=dict)

    @classmethod
    def build(cls, module, is_img2img=True, canvas=False):
        """canvas: img2img's picture is a drawing canvas with a hidden text box, as Forge's is."""
        script = module.ColorizeScript()
        script.is_img2img, script.tabname = is_img2img, "img2img" if is_img2img else "txt2img"
        assert script.show(is_img2img) is sys.modules["modules.scripts"].AlwaysVisible
        host = {}

        def make(name, kind, *args, **kwargs):
            host[name] = kind(*args, **kwargs)
            script.after_component(host[name], **kwargs)

        with gr.Blocks() as demo:
            if is_img2img and canvas:
                make("face", gr.HTML, "<canvas>", elem_id="img2img_image")
                make("foreground", gr.Textbox, visible=False, elem_classes=["logical_image_foreground"])
                make("image", gr.Textbox, visible=False, elem_classes=["logical_image_background"])
                make("other", gr.Textbox, visible=False, elem_classes=["logical_image_background"])
                make("mask face", gr.HTML, "<canvas>", elem_id="img2maskimg")
                make("mask", gr.Textbox, visible=False, elem_classes=["logical_image_background"])
            elif is_img2img:
                make("image", gr.Image, type="pil", elem_id="img2img_image")
                make("mask", gr.Image, type="pil", elem_id="img2maskimg")
            for side in ("width", "height"):
                make(side, gr.Slider, 64, 2048, 512, step=8, elem_id=f"{script.tabname}_{side}")
            arguments = script.ui(is_img2img)
            make("log", gr.HTML, elem_id=f"html_log_{script.tabname}")
            make("information", gr.Textbox, visible=False, elem_id=f"generation_info_{script.tabname}")
        if GRADIO == 3:
            demo.queue()  # without it no generator runs; gradio 4 has one, and makes a web server again to say so
        return cls(script, demo, arguments, host)

    @classmethod
    def of_blocks(cls, demo, panel):
        """A page of our own, without a WebUI around it."""
        if GRADIO == 3:
            demo.queue()
        return cls(SimpleNamespace(elem_id=panel.place.elem_id), demo, panel.arguments, {})

    @staticmethod
    def options():
        return sys.modules["modules.shared"].opts

    def find(self, name):
        """One of our widgets by the last part of its id."""
        return next(block for block in self.demo.blocks.values() if block.elem_id == self.script.elem_id(name))

    def set(self, component, value):
        self.held[component._id] = sent(value) if isinstance(value, Image.Image) else value

    def get(self, component):
        """What the browser shows now."""
        value = self.held.get(component._id, getattr(component, "value", None))
        return shown(value) if isinstance(component, gr.Image) and value else value

    def interactive(self, component):
        """Whether the browser lets its value be changed."""
        return not self.greyed.get(component._id, False)

    def press(self, component, event="click"):
        """Whatever a click or change of that widget starts, to its end."""
        mine = [(index, dependency) for index, dependency in enumerate(self.demo.config["dependencies"])
                if (component._id, event) in triggers(dependency)]
        assert mine, f"nothing listens to {event} of {component.elem_id}"
        for index, dependency in mine:
            self._run(index, dependency)

    def _run(self, index, dependency):
        inputs = [self.held.get(each, getattr(self.demo.blocks[each], "value", None)) for each in dependency["inputs"]]
        for outputs in asyncio.run(_process(self.demo, index, inputs)):
            for each, value in zip(dependency["outputs"], outputs):
                if not (isinstance(value, dict) and value.get("__type__") == "update"):
                    self.held[each] = value
                    continue
                if "value" in value:
                    self.held[each] = value["value"]
                if "interactive" in value or "mode" in value:  # gradio 4's word, and gradio 3's
                    self.greyed[each] = value.get("mode") == "static" or not value.get("interactive", True)
        for later, following in enumerate(self.demo.config["dependencies"]):
            if following.get("trigger_after") == index:
                self._run(later, following)

    def paste(self, infotext):
        """As a host pastes parameters: callbacks first, then the value in the type of the widget's default."""
        infotext = dict(infotext)
        for callback in sys.modules["modules.script_callbacks"].pasted:
            callback("the text", infotext)
        for component, key in self.script.infotext_fields:
            value = key(infotext) if callable(key) else infotext.get(key)
            if value is not None:
                kind = type(component.value)
                self.held[component._id] = False if kind is bool and value == "False" else kind(value)


def triggers(dependency):
    """(component, event) pairs that start it."""
    if GRADIO == 3:
        return [(target, dependency["trigger"]) for target in dependency["targets"]]
    return [tuple(target) for target in dependency["targets"]]


async def _process(demo, index, inputs):
    """Every output of one event; those of a generator one after the other."""
    found, iterator = [], None
    while True:
        if GRADIO == 3:
            answer = await demo.process_api(index, inputs, {}, iterators={index: iterator} if iterator else {})
        else:
            from gradio.state_holder import SessionState

            answer = await demo.process_api(index, inputs, SessionState(demo), iterator=iterator, simple_format=True)
        if answer["is_generating"] or iterator is None:  # the end of a generator brings no output
            found.append(answer["data"])
        if not answer["is_generating"]:
            return found
        iterator = answer["iterator"]


def sent(picture):
    """A picture as the browser sends it."""
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    content = base64.b64encode(stream.getvalue()).decode()
    if GRADIO == 3:
        return f"data:image/png;base64,{content}"
    from gradio.processing_utils import save_pil_to_cache

    return {"path": save_pil_to_cache(picture, cache_dir=_cache(), format="png"), "meta": {"_type": "gradio.FileData"}}


def shown(value):
    """The picture that the browser shows."""
    if GRADIO == 3:
        return Image.open(io.BytesIO(base64.b64decode(value.split(",", 1)[1])))
    return Image.open(value["path"])


def _cache():
    from gradio.utils import get_upload_folder

    return get_upload_folder()

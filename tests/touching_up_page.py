"""A small page with our panel, our routes and our JavaScript, served as a WebUI serves them, for tests in a browser."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
from PIL import Image

from lib_colorize.hosts.webui.routes import add_routes
from lib_colorize.models.catalogue import Folders
from lib_colorize.panel.language import Language
from lib_colorize.panel.place import Place
from lib_colorize.panel.widgets import Panel
from tests.fakes import Status

ROOT = Path(__file__).parent.parent
HOST = SimpleNamespace(name="fake 1.0", picture_folders=lambda: (), fetch_picture=lambda: None, chosen_path=lambda: "",
                       option=lambda name, default=None: default)
GRADIO_3 = gr.__version__.startswith("3.")
# What a WebUI's own script.js offers to those of extensions, and where it puts them: into the head, before the page.
WEBUI = """window.gradioApp = () => document; window.colorizeLoaded = [];
    window.onUiLoaded = action => colorizeLoaded.push(action); window.onAfterUiUpdate = () => {};"""


def demo_of(result: Image.Image, language: Language, tab: str) -> gr.Blocks:
    """img2img or txt2img, as far as our JavaScript looks at it."""
    program = SimpleNamespace(
        status=Status, preview=lambda picture, settings: (picture.convert("RGB"), "read"), mirror=lambda: "",
        size_for=lambda picture, settings: picture.size, folders=lambda: Folders(ROOT, (ROOT,)),
        downloads_open=lambda: False)
    more = {} if GRADIO_3 else {"format": "png"}
    with gr.Blocks() as demo:
        sides = {side: gr.Slider(64, 2048, 512, step=8, elem_id=f"{tab}_{side}") for side in ("width", "height")}
        with gr.Column(elem_id=f"{tab}_gallery"):
            gr.Image(result, type="pil", interactive=False, **more)
        with gr.Row(elem_id=f"image_buttons_{tab}"):
            gr.Button("a WebUI's own")
        Panel(Place(language, is_img2img=tab == "img2img", page=sides,
                    elem_id=f"script_{tab}_colorizediffusion_{{}}".format), program)
    return demo


@contextmanager
def served(result: Image.Image, language: Language = Language.ENGLISH, tab: str = "img2img") -> Iterator[str]:
    """The address of the page."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    demo = demo_of(result, language, tab)
    app, url, _ = demo.launch(server_name="127.0.0.1", server_port=port, prevent_thread_lock=True, quiet=True,
                              show_api=False)
    add_routes(app, HOST)
    try:
        yield url
    finally:
        demo.close(verbose=False)


def open_page(browser: object, url: str, theme: str = "light", **context: object) -> tuple[object, list[str]]:
    """(the page of playwright with our JavaScript started, a list of what its scripts throw)."""
    page = browser.new_page(viewport={"width": 1100, "height": 1400}, **context)
    page.add_init_script(WEBUI)
    for path in sorted((ROOT / "javascript").glob("*.js")):
        page.add_init_script(path.read_text(encoding="utf-8"))
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{url}?__theme={theme}")
    page.wait_for_selector("[id^=colorize_][id$=_touching_up]", state="attached", timeout=60_000)
    page.add_style_tag(path=ROOT / "style.css")
    page.evaluate("colorizeLoaded.forEach(action => action())")
    return page, errors

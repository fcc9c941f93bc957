"""The page in a real browser, headless Chromium, against a running WebUI.

Needs the installs that host.py names, `pip install playwright`, and a Chromium: COLORIZE_CHROMIUM, or `chromium` on the
path. COLORIZE_SCREENSHOTS names a folder for pictures of what was seen.
"""
# ruff: noqa: E402 - without playwright there is nothing to do

from __future__ import annotations

import base64
import io
import os
import shutil
from pathlib import Path

import pytest

playwright = pytest.importorskip("playwright.sync_api")

from PIL import Image

from tests.webui.host import Host, install_of
from tests.webui.reply import difference, spread

CHROMIUM = os.environ.get("COLORIZE_CHROMIUM") or shutil.which("chromium") or ""
ROOT = Path(__file__).parent.parent.parent
SKETCH, OTHER_SKETCH = ROOT / "examples/sketches/dog.png", ROOT / "examples/sketches/gift.png"
REFERENCE = ROOT / "examples/references/sunrise.png"
PATIENCE = 120_000  # milliseconds
PASTE = """async ([selector, bytes]) => {
    const transfer = new DataTransfer();
    const content = Uint8Array.from(atob(bytes), c => c.charCodeAt(0));
    transfer.items.add(new File([content], "copied.png", {type: "image/png"}));
    document.querySelector(selector).dispatchEvent(
        new ClipboardEvent("paste", {clipboardData: transfer, bubbles: true, cancelable: true, composed: true}));
}"""
READ = """async selector => {
    const content = await (await fetch(document.querySelector(selector).src)).blob();
    const reader = new FileReader();
    return await new Promise(done => { reader.onload = () => done(reader.result); reader.readAsDataURL(content); });
}"""

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium")


class Panel:
    """Our panel in the img2img tab, as a user sees and uses it."""

    def __init__(self, page, kind):
        self.page, self.kind, self.errors = page, kind, []
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def open(self, url):
        self.page.goto(url)
        self.page.wait_for_selector("#img2img_generate", state="attached", timeout=PATIENCE)
        self.page.wait_for_selector(self.id("enable-visible-checkbox"), state="attached", timeout=PATIENCE)
        self.page.locator("#tabs > .tab-nav > button", has_text="img2img").first.click()
        self.page.locator(f"{self.id('enable')} > .label-wrap").click()
        self.page.wait_for_selector(self.id("check"), state="visible")
        self.host_number("#img2img_steps", 2)

    def id(self, name):
        return f"#script_img2img_colorizediffusion_{name}"

    def press(self, name):
        self.page.locator(self.id(name)).click()

    def unfold(self, title):
        self.page.locator(f"{self.id('enable')} .label-wrap", has_text=title).click()

    def upload(self, selector, path):
        """Into an empty image box, and wait until it shows."""
        self.page.locator(f"{selector} input[type=file]").first.set_input_files(path)
        self.page.wait_for_selector(f"{selector} img[src]", state="attached", timeout=PATIENCE)

    def number(self, name):
        return float(self.page.locator(f"{self.id(name)} input[type=number]").input_value())

    def set_number(self, name, value):
        self.host_number(self.id(name), value)

    def host_number(self, selector, value):
        field = self.page.locator(f"{selector} input[type=number]").first
        field.fill(str(value))
        field.blur()

    def wait(self, condition, what):
        """Until condition() holds."""
        for _ in range(PATIENCE // 250):
            if condition():
                return
            self.page.wait_for_timeout(250)
        raise AssertionError(f"{what} did not happen")

    def picture(self, selector):
        """The picture that an element shows."""
        return Image.open(io.BytesIO(base64.b64decode(self.page.evaluate(READ, selector).split(",", 1)[1])))

    def text(self, selector):
        return self.page.locator(selector).first.inner_text()  # gradio 3 gives an HTML block's id to two elements

    def generate(self):
        self.page.locator("#img2img_generate").click()

    def screenshot(self, name):
        if folder := os.environ.get("COLORIZE_SCREENSHOTS"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=Path(folder) / f"{self.kind}-{name}.png")


@pytest.fixture(scope="module")
def running(kind):
    install, _ = install_of(kind)
    allowed = ("--gradio-allowed-path", str(install))  # Forge serves its own JavaScript from there only if told so
    with Host.start(kind, probe=False, options={"sd_model_checkpoint": "colorize-small"}, flags=allowed) as host:
        yield host


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def panel(running, browser, request):
    page = browser.new_page(viewport={"width": 1400, "height": 1100})
    panel = Panel(page, running.kind)
    panel.open(running.url)
    yield panel
    panel.screenshot(request.node.name.split("[")[0])
    errors = panel.errors
    page.close()
    assert errors == []


def test_a_sketch_is_coloured_and_its_infotext_brings_the_settings_back(panel):
    panel.upload(panel.id("reference"), REFERENCE)
    panel.upload(panel.id("sketch"), SKETCH)
    panel.press("preset_style")
    panel.wait(lambda: panel.number("reference_guidance") == 6, "the preset")
    panel.set_number("line_overlay", 0.5)
    panel.generate()
    panel.page.wait_for_selector("#img2img_gallery img", timeout=PATIENCE)
    infotext = panel.text("#html_info_img2img")
    for part in ("Colorize reference hash", "Colorize sketch hash", "Colorize reference guidance: 6", "Size: 128x128"):
        assert part in infotext
    result = panel.picture("#img2img_gallery img")
    assert result.size == Image.open(SKETCH).size and spread(result) > 20  # the lines over it are of that size
    panel.press("preset_balanced")
    panel.set_number("line_overlay", 0)
    panel.wait(lambda: panel.number("reference_guidance") == 5, "the other preset")
    panel.page.locator("#img2img_prompt textarea").fill(infotext)
    panel.page.locator("#paste:visible").click()
    panel.wait(lambda: (panel.number("reference_guidance"), panel.number("line_overlay")) == (6, 0.5), "pasting")
    assert panel.number("sketch_strength") == 0.9


def test_a_missing_reference_is_said_in_the_page(panel):
    panel.upload(panel.id("sketch"), SKETCH)
    panel.generate()
    panel.wait(lambda: "no reference picture" in panel.text("#img2img_results"), "the message")
    assert panel.page.locator("#img2img_gallery img").count() == 0


def test_the_preview_shows_lines_on_white_and_the_button_sets_the_size(panel):
    panel.upload(panel.id("sketch"), SKETCH)
    panel.unfold("Lines of the sketch")
    panel.press("preview_button")
    panel.page.wait_for_selector(f"{panel.id('preview')} img[src]", timeout=PATIENCE)
    seen = panel.picture(f"{panel.id('preview')} img[src]")
    assert seen.size == Image.open(SKETCH).size and seen.convert("L").resize((1, 1)).getpixel((0, 0)) > 200
    panel.press("size_button")
    width = panel.page.locator("#img2img_width input[type=number]")
    panel.wait(lambda: width.input_value() != "512", "the size")


def test_without_a_sketch_the_preview_takes_img2imgs_picture_or_says_so(panel):
    panel.unfold("Lines of the sketch")
    panel.press("preview_button")
    panel.wait(lambda: "There is no sketch" in panel.text("body"), "the message")
    panel.upload("#img2img_image", SKETCH)
    panel.wait(lambda: panel.press("preview_button") or panel.page.wait_for_timeout(2000)
               or panel.page.locator(f"{panel.id('preview')} img[src]").count() > 0, "the preview")


def test_the_note_names_the_checkpoint_and_models_are_listed(panel):
    panel.wait(lambda: "colorize-small" in panel.text(panel.id("note")), "the note")
    panel.unfold("Models")
    panel.press("check")
    panel.wait(lambda: "mult-eps-ft" in panel.text(panel.id("models")), "the table")
    panel.press("download")
    panel.wait(lambda: "Accept the licence" in panel.text("body"), "the refusal")


def test_swap_paste_and_the_buttons_below_the_results(panel):
    reference, sketch = f"{panel.id('reference')} img[src]", f"{panel.id('sketch')} img[src]"
    panel.upload(panel.id("reference"), SKETCH)
    panel.press("swap")
    panel.page.wait_for_selector(sketch, timeout=PATIENCE)
    panel.wait(lambda: panel.page.locator(reference).count() == 0, "the swap")
    panel.page.locator(panel.id("reference")).hover()
    panel.page.evaluate(PASTE, ["body", base64.b64encode(REFERENCE.read_bytes()).decode()])
    panel.page.wait_for_selector(reference, timeout=PATIENCE)
    assert difference(panel.picture(reference), Image.open(REFERENCE)) == 0
    assert panel.page.locator("#img2img_image img[src^=data]").count() == 0  # the host did not take it as well
    panel.generate()
    panel.page.wait_for_selector("#img2img_gallery img", timeout=PATIENCE)
    before = panel.page.locator(sketch).get_attribute("src")
    button = panel.page.locator("#colorize_img2img_as_sketch")
    assert button.get_attribute("title") == "ColorizeDiffusion: use as sketch"
    button.click()
    panel.wait(lambda: panel.page.locator(sketch).count() == 1
               and panel.page.locator(sketch).get_attribute("src") != before, "the copy")
    assert difference(panel.picture(sketch), panel.picture("#img2img_gallery img")) == 0

"""The page in a real browser, headless Chromium, against a running WebUI.

Needs the installs that host.py names, `pip install playwright`, and a Chromium: COLORIZE_CHROMIUM, or `chromium` on the
path. COLORIZE_SCREENSHOTS names a folder for pictures of what was seen.
"""

from __future__ import annotations

import base64
import re

import pytest

pytest.importorskip("playwright.sync_api")

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.webui.browser import CHROMIUM, OTHER_SKETCH, PATIENCE, REFERENCE, SKETCH, Panel, chromium
from tests.webui.host import Host, install_of
from tests.webui.reply import difference, spread
from training.evidence.model_size import SHIPPED, painted_size

PASTE = """async ([selector, bytes]) => {
    const transfer = new DataTransfer();
    const content = Uint8Array.from(atob(bytes), c => c.charCodeAt(0));
    transfer.items.add(new File([content], "copied.png", {type: "image/png"}));
    document.querySelector(selector).dispatchEvent(
        new ClipboardEvent("paste", {clipboardData: transfer, bubbles: true, cancelable: true, composed: true}));
}"""
SIZE = painted_size(SHIPPED)  # of a square sketch, px
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium")


@pytest.fixture(scope="module")
def running(kind):
    install, _ = install_of(kind)
    allowed = ("--gradio-allowed-path", str(install))  # Forge serves its own JavaScript from there only if told so
    with Host.start(kind, probe=False, options={"sd_model_checkpoint": "colorize-small"}, flags=allowed) as host:
        yield host


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


@pytest.fixture
def panel(running, browser, request):
    page = browser.new_page(viewport={"width": 1400, "height": 1100})
    panel = Panel(page, running.kind)
    panel.show(running.url)
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
    for part in ("Colorize reference hash", "Colorize sketch hash", "Colorize reference guidance: 6",
                 f"Size: {SIZE}x{SIZE}"):
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
    panel.set_number("line_overlay", 0)
    changed = infotext.replace("Colorize reference guidance: 6", "Colorize reference guidance: 66")
    panel.page.locator("#img2img_prompt textarea").fill(changed)
    panel.page.locator("#paste:visible").click()
    panel.wait(lambda: panel.number("line_overlay") == 0.5, "pasting all but one")
    panel.wait(lambda: "Not pasted" in panel.text(".toast-body.warning"), "the warning")
    assert "Reference guidance: found 66" in panel.text(".toast-body.warning")
    assert panel.number("reference_guidance") == 6


def test_a_missing_reference_is_said_in_the_page(panel):
    panel.upload(panel.id("sketch"), SKETCH)
    panel.generate()
    panel.wait(lambda: "ColorizeError: no reference picture" in panel.text("#html_log_img2img"), "the message")
    assert panel.page.locator("#img2img_gallery img").count() == 0


def test_the_preview_shows_lines_on_white_and_the_button_sets_the_size(panel):
    panel.upload(panel.id("sketch"), SKETCH)  # no button is pressed
    panel.page.wait_for_selector(f"{panel.id('preview')} img[src]", timeout=PATIENCE)
    seen = panel.picture(f"{panel.id('preview')} img[src]")
    assert seen.size == (SIZE, SIZE) and seen.convert("L").resize((1, 1)).getpixel((0, 0)) > 200
    assert f"{SIZE}x{SIZE} of 512x512 pixels; dark on light" in panel.text(panel.id("seen"))
    panel.press("size_button")
    sides = [panel.page.locator(f"#img2img_{side} input[type=number]") for side in ("width", "height")]
    panel.wait(lambda: [side.input_value() for side in sides] == [str(SIZE)] * 2, "the size")


def test_without_a_sketch_the_preview_takes_img2imgs_picture_or_says_so(panel):
    panel.press("preview_button")
    panel.wait(lambda: panel.page.locator(".toast-body.error").count() > 0, "the message")
    box = panel.page.locator(".toast-body.error").first
    red, green, blue = map(int, re.findall(r"[0-9]+", box.evaluate("each => getComputedStyle(each).borderColor"))[:3])
    assert "There is no sketch" in box.inner_text() and red > 1.1 * max(green, blue)  # as troubleshooting.md says
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


def test_a_result_is_compared_with_its_sketch_and_an_area_put_right_by_a_click(panel):
    page, part = panel.page, "#colorize_img2img_touching_up"

    def says(text):
        panel.wait(lambda: text in panel.text(f"{part}_status"), text)

    panel.upload(panel.id("reference"), REFERENCE)
    panel.upload(panel.id("sketch"), SKETCH)
    page.wait_for_selector("#img2img_width.colorize-unused")
    panel.generate()
    page.wait_for_selector("#img2img_gallery img", timeout=PATIENCE)
    page.locator("#colorize_img2img_open_touching_up").click()
    says("Drag in the picture")
    page.locator(f"{part}_mode_fix").check()
    says("areas: choose a colour")
    page.locator(f"{part}_colour").evaluate("each => { each.value = '#20a050'; }")
    canvas = page.locator(f"{part}_canvas")
    canvas.scroll_into_view_if_needed()
    place = canvas.bounding_box()
    canvas.click(position={"x": 0.5 * place["width"], "y": 0.3 * place["height"]})  # the dog's forehead
    says("#20a050")
    panel.screenshot("touched-up")
    with page.expect_download(timeout=PATIENCE) as found:
        page.locator(f"{part}_save").click()
    saved = Image.open(found.value.path()).convert("RGB")
    assert saved.size == Image.open(SKETCH).size
    red, green, blue = saved.getpixel((saved.width // 2, saved.height * 3 // 10))
    assert green > max(red, blue) + 40
    page.locator(f"{part}_mode_hints").check()
    says("Draw strokes")
    canvas.scroll_into_view_if_needed()
    place = canvas.bounding_box()
    page.mouse.move(place["x"] + 0.45 * place["width"], place["y"] + 0.3 * place["height"])
    page.mouse.down()
    page.mouse.move(place["x"] + 0.55 * place["width"], place["y"] + 0.3 * place["height"], steps=4)
    page.mouse.up()
    page.locator(f"{part}_give").click()
    says("box of hints")
    page.wait_for_selector(f"{panel.id('hints')} img[src]", state="attached", timeout=PATIENCE)
    panel.generate()
    panel.wait(lambda: "Colorize hints hash" in panel.text("#html_info_img2img"), "the run with hints")


def test_a_result_from_png_info_is_not_taken_for_the_sketch_that_it_was_made_from(panel, tmp_path):
    said = PngInfo()
    said.add_text("parameters", "\nSteps: 2, Sampler: Euler, CFG scale: 7, Seed: 1, Size: 128x128, "
                  "Colorize version: 0.1.0, Colorize sketch hash: 0123456789, Colorize line overlay: 0.5")
    Image.open(OTHER_SKETCH).convert("RGB").save(tmp_path / "result.png", pnginfo=said)
    panel.upload(panel.id("reference"), REFERENCE)
    panel.page.locator("#tabs > .tab-nav > button", has_text="PNG Info").first.click()
    panel.page.locator("#pnginfo_image input[type=file]").first.set_input_files(tmp_path / "result.png")
    panel.wait(lambda: "Colorize sketch hash" in panel.text("#tab_pnginfo"), "PNG Info")
    panel.page.locator("#img2img_tab:visible").click()
    panel.wait(lambda: panel.number("line_overlay") == 0.5, "pasting")
    panel.page.wait_for_selector("#img2img_image img[src^=data]", state="attached", timeout=PATIENCE)
    panel.page.wait_for_timeout(1000)  # a canvas tells of its picture when it has read it
    panel.generate()
    panel.wait(lambda: "is not the sketch of the pasted text" in panel.text("#html_log_img2img"), "the refusal")
    if panel.kind == "a1111":
        panel.page.locator("#img2img_image button[aria-label='Clear']").click()
        panel.wait(lambda: panel.page.locator("#img2img_image img[src^=data]").count() == 0, "the removal")
    panel.upload("#img2img_image", SKETCH)
    panel.page.wait_for_timeout(1000)
    panel.generate()
    panel.page.wait_for_selector("#img2img_gallery img", timeout=PATIENCE)
    assert "Colorize sketch hash: ff1bbc287d" in panel.text("#html_info_img2img")  # the dog's


def test_layers_of_a_result_can_be_downloaded(panel, running):
    panel.upload(panel.id("reference"), REFERENCE)
    panel.upload(panel.id("sketch"), SKETCH)
    panel.unfold("Finishing")
    panel.page.locator(f"{panel.id('layers')} label", has_text="psd").click()
    panel.generate()
    panel.page.wait_for_selector("#img2img_gallery img", timeout=PATIENCE)
    with panel.page.expect_download(timeout=PATIENCE) as waiting:
        panel.page.locator(f"{panel.id('layer_files')} a[href]").first.click(timeout=PATIENCE)
    found = waiting.value.path()
    assert found.read_bytes()[:4] == b"8BPS" and Image.open(found).size == Image.open(SKETCH).size

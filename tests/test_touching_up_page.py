"""Compare and put right, in a real browser under the gradio that is there: what is clicked is what is saved.

Needs `playwright` and a Chromium (COLORIZE_CHROMIUM, or `chromium` on the path); skipped without.
"""
from __future__ import annotations

import base64
import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("gradio", reason="run by test.sh in .venv-gradio3 and .venv-gradio4")
pytest.importorskip("playwright.sync_api", reason="pip install playwright to test the page in a browser")

from PIL import Image, ImageDraw

from lib_colorize.panel.language import Language
from lib_colorize.panel.touching_words import WORDS
from tests.touching_up_page import open_page, served
from tests.webui.browser import CHROMIUM, READ, chromium

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning"),
              pytest.mark.skipif(not CHROMIUM, reason="no Chromium")]
SIZE = (600, 400)
RED, BLUE, GREEN = (192, 48, 32), (32, 64, 192), (32, 160, 80)
PART = "#colorize_img2img_touching_up"


def drawing(size=SIZE):
    """Two rooms, a wall between them."""
    picture, (width, height) = Image.new("RGB", size, "white"), size
    pen, line = ImageDraw.Draw(picture), max(4, width // 150)
    pen.rectangle((width // 20, height // 20, width * 19 // 20, height * 19 // 20), outline="black", width=line)
    pen.line((width // 2, height // 20, width // 2, height * 19 // 20), "black", line)
    return picture


def painted(size=SIZE):
    """Red to the left, darker further down; blue to the right."""
    picture = Image.new("RGB", size, BLUE)
    shade = np.linspace(1, 0.5, size[1])[:, None, None] * np.array(RED) * np.ones((1, size[0] // 2, 1))
    picture.paste(Image.fromarray(shade.astype(np.uint8)), (0, 0))
    picture.paste(drawing(size), mask=drawing(size).convert("L").point(lambda grey: 255 - grey))
    return picture


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def url():
    with served(painted()) as address:
        yield address


@pytest.fixture
def section(browser, url, request):
    page, errors = open_page(browser, url)
    part = Section(page)
    yield part
    if folder := os.environ.get("COLORIZE_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{request.node.name}.png", full_page=True)
    page.close()
    assert errors == []


class Section:
    """As a user sees and uses it."""

    def __init__(self, page, tab="img2img"):
        self.page, self.tab, self.part = page, tab, f"#colorize_{tab}_touching_up"

    def open(self):
        self.page.locator(f"#script_{self.tab}_colorizediffusion_touching_up_fold .label-wrap").click()
        return self

    def one(self, name):
        return self.page.locator(f"{self.part}_{name}")

    def give(self, name, picture):
        out = io.BytesIO()
        picture.save(out, "PNG")
        file = {"name": f"{name}.png", "mimeType": "image/png", "buffer": out.getvalue()}
        self.one(name).set_input_files(file)

    def mode(self, name):
        self.one(f"mode_{name}").check()

    def says(self, text):
        self.page.wait_for_function(
            "([id, text]) => document.querySelector(id).textContent.includes(text)", arg=[f"{self.part}_status", text],
            timeout=60_000)

    def seen(self):
        """The canvas' pixels."""
        data = self.page.evaluate("id => document.querySelector(id).toDataURL()", f"{self.part}_canvas")
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(data.split(",", 1)[1]))).convert("RGB")).astype(int)

    def click(self, x, y):
        """x, y in 0 to 1 of the picture."""
        canvas = self.one("canvas")
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        canvas.click(position={"x": x * box["width"], "y": y * box["height"]})

    def drag(self, *points):
        canvas = self.one("canvas")
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
        self.page.mouse.move(*places[0])
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*place, steps=5)
        self.page.mouse.up()

    def colour(self, value):
        self.one("colour").evaluate("(each, value) => { each.value = value; }", value)

    def saved(self, button):
        with self.page.expect_download(timeout=60_000) as found:
            self.one(button).click()
        return Path(found.value.path()).read_bytes(), found.value.suggested_filename

    def both(self):
        self.give("sketch", drawing())
        self.give("picture", painted())
        return self


def near(pixel, colour, far=12):
    return np.abs(np.asarray(pixel) - colour).max() <= far


def test_the_divider_shows_the_sketch_to_its_left_and_the_picture_to_its_right(section):
    section.open().both()
    section.says("Drag in the picture")
    shown = section.seen()
    assert shown.shape[:2] == SIZE[::-1]
    assert near(shown[100, 150], (255, 255, 255)) and near(shown[100, 450], BLUE)
    section.drag((0.5, 0.5), (0.9, 0.5))
    shown = section.seen()
    assert near(shown[100, 450], (255, 255, 255)) and near(shown[100, 560], BLUE)
    section.one("canvas").focus()
    for _ in range(45):
        section.page.keyboard.press("ArrowLeft")
    assert near(section.seen()[100, 150], np.asarray(painted())[100, 150])


def test_a_clicked_area_changes_at_once_with_its_shading_and_what_is_saved_is_the_same(section):
    section.open().both().mode("fix")
    section.says("areas: choose a colour")
    before = section.seen()
    section.colour("#20a050")
    section.click(0.25, 0.5)
    section.says("#20a050")
    after = section.seen()
    assert near(after[200, 150], GREEN, 30) and np.array_equal(after[:, 320:], before[:, 320:])
    assert after[60, 150].sum() > 1.3 * after[330, 150].sum()  # darker further down, as it was
    content, name = section.saved("save")
    saved = np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)
    assert name == "picture.png" and np.abs(saved - after).max() <= 2
    assert np.array_equal(saved[:, 320:], np.asarray(painted()).astype(int)[:, 320:])


def test_undo_redo_and_undo_all(section):
    section.open().both().mode("fix")
    section.says("areas: choose a colour")
    states = [section.seen()]
    for colour, x in (("#20a050", 0.25), ("#e0c020", 0.75)):
        section.colour(colour)
        section.click(x, 0.5)
        section.says(colour)
        states.append(section.seen())
    section.one("undo").click()
    assert np.array_equal(section.seen(), states[1])
    section.one("canvas").focus()
    section.page.keyboard.press("Control+z")
    assert np.array_equal(section.seen(), states[0])
    section.page.keyboard.press("Control+Shift+z")
    section.one("redo").click()
    assert np.array_equal(section.seen(), states[2])
    section.one("undo_all").click()
    assert np.array_equal(section.seen(), states[0])
    section.mode("compare")
    section.one("pair").select_option("fix")
    section.says("Drag")


def test_the_keyboard_alone_colours_an_area(section):
    section.open().both().mode("fix")
    section.says("areas: choose a colour")
    section.colour("#20a050")
    section.one("canvas").focus()
    for _ in range(12):
        section.page.keyboard.press("ArrowRight")
    section.page.keyboard.press("Enter")
    section.says("#20a050")
    section.one("colour").focus()
    assert near(section.seen()[100, 450], GREEN, 3) and near(section.seen()[60, 150], RED, 40)


def test_a_finger_colours_an_area(browser, url):
    page, errors = open_page(browser, url, has_touch=True)
    section = Section(page).open().both()
    section.mode("fix")
    section.says("areas: choose a colour")
    section.colour("#20a050")
    canvas = section.one("canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    page.touchscreen.tap(box["x"] + 0.75 * box["width"], box["y"] + 0.5 * box["height"])
    section.says("#20a050")
    assert near(section.seen()[100, 450], GREEN, 3) and errors == []
    page.close()


def test_a_colour_is_picked_from_the_picture_and_from_a_palette(section):
    section.open().both().mode("fix")
    section.says("areas: choose a colour")
    section.one("pick").click()
    section.click(0.75, 0.5)
    section.says("Colour #2040c0")
    assert section.one("colour").input_value() == "#2040c0"
    palette = b"GIMP Palette\nName: two\n#\n250 240 10 sun\n10 20 30 night\n"
    section.one("palette").set_input_files({"name": "two.gpl", "mimeType": "text/plain", "buffer": palette})
    swatches = section.page.locator(f"{section.part}_swatches button")
    section.page.wait_for_function("id => document.querySelectorAll(id).length === 2",
                                   arg=f"{section.part}_swatches button")
    labels = {swatches.nth(i).get_attribute("aria-label") for i in range(2)}
    assert labels == {"#faf00a", "#0a141e"}
    section.page.locator(f"{section.part}_swatches [aria-label='#faf00a']").click()
    assert section.one("colour").input_value() == "#faf00a"


def test_a_colour_is_picked_from_the_reference(section):
    out = io.BytesIO()
    painted().save(out, "PNG")
    box = "#script_img2img_colorizediffusion_reference"
    section.page.locator(f"{box} input[type=file]").first.set_input_files(
        {"name": "reference.png", "mimeType": "image/png", "buffer": out.getvalue()})
    section.page.wait_for_selector(f"{box} img[src]", state="attached", timeout=60_000)
    section.open().both().mode("fix")
    section.says("areas: choose a colour")
    small = section.one("reference")
    place = small.bounding_box()
    small.click(position={"x": 0.75 * place["width"], "y": 0.4 * place["height"]})
    section.says("Colour #2040c0")


def test_width_and_height_are_dimmed_while_the_size_follows_the_sketch(section):
    page, box = section.page, "#script_img2img_colorizediffusion_"
    dimmed = "#img2img_width.colorize-unused[title*='follows the sketch']"
    assert page.locator(dimmed).count() == 0
    page.locator(f"{box}enable input").check()
    page.wait_for_selector(dimmed)
    page.locator(f"{box}size_from_sketch input").uncheck()
    page.wait_for_selector("#img2img_width:not(.colorize-unused)")
    page.locator(f"{box}size_from_sketch input").check()
    page.wait_for_selector(dimmed)
    page.locator(f"{box}start input").nth(1).check()  # keep base
    page.wait_for_selector("#img2img_width:not(.colorize-unused)")


def test_layers_are_downloaded_with_the_changes_in_them(section):
    section.open().both().mode("fix")
    section.says("areas: choose a colour")
    section.colour("#20a050")
    section.click(0.75, 0.5)
    content, name = section.saved("save_psd")
    assert name.endswith(".psd") and content.startswith(b"8BPS")
    content, name = section.saved("save_ora")
    merged = Image.open(io.BytesIO(zipfile.ZipFile(io.BytesIO(content)).read("mergedimage.png"))).convert("RGB")
    assert name.endswith(".ora") and merged.size == SIZE and near(merged.getpixel((450, 100)), GREEN, 2)


def test_the_last_result_and_the_sketch_of_the_page_are_taken_from_below_the_results(section):
    page = section.page
    out = io.BytesIO()
    drawing().save(out, "PNG")
    box = "#script_img2img_colorizediffusion_sketch"
    page.locator(f"{box} input[type=file]").first.set_input_files(
        {"name": "sketch.png", "mimeType": "image/png", "buffer": out.getvalue()})
    page.wait_for_selector(f"{box} img[src]", state="attached", timeout=60_000)
    page.locator("#colorize_img2img_open_touching_up").click()
    section.says("Drag in the picture")
    shown = section.seen()
    assert near(shown[100, 150], (255, 255, 255)) and near(shown[100, 450], BLUE)
    assert page.locator("#script_img2img_colorizediffusion_enable input").is_checked() is False


def test_strokes_stay_when_the_next_result_of_the_same_sketch_comes(section):
    page, out = section.page, io.BytesIO()
    drawing().save(out, "PNG")
    box = "#script_img2img_colorizediffusion_sketch"
    page.locator(f"{box} input[type=file]").first.set_input_files(
        {"name": "sketch.png", "mimeType": "image/png", "buffer": out.getvalue()})
    page.wait_for_selector(f"{box} img[src]", state="attached", timeout=60_000)
    section.open().one("take").click()
    section.says("Drag in the picture")
    section.mode("hints")
    section.says("Draw strokes")
    section.colour("#20a050")
    section.drag((0.2, 0.3), (0.3, 0.5))
    page.evaluate("id => document.querySelector(id).colorize.tried(() => document.querySelector(id).colorize.take())",
                  section.part)
    assert near(section.seen()[160, 150], GREEN, 2)


def test_a_result_without_a_sketch_is_asked_for_once(section):
    section.open()
    page, follow = section.page, "id => document.querySelector(id).colorize.follow()"
    page.evaluate("id => { document.querySelector(id).colorize.taken = 'an earlier result'; }", section.part)
    page.evaluate(follow, section.part)
    section.says("There is no sketch")
    page.evaluate("id => { document.querySelector(id + '_status').textContent = 'read'; }", section.part)
    page.evaluate(follow, section.part)
    page.wait_for_timeout(500)
    assert section.one("status").inner_text() == "read"


def test_a_picture_that_is_not_changed_keeps_its_format(section):
    section.open().give("sketch", drawing())
    out = io.BytesIO()
    painted().save(out, "JPEG")
    section.one("picture").set_input_files({"name": "a.jpg", "mimeType": "image/jpeg", "buffer": out.getvalue()})
    section.says("Drag in the picture")
    assert section.saved("save") == (out.getvalue(), "picture.jpeg")


def test_strokes_go_into_the_box_of_hints_at_the_sketchs_own_size(section):
    section.open().give("sketch", drawing((1500, 1000)))
    section.mode("hints")
    section.says("Draw strokes")
    section.colour("#20a050")
    section.drag((0.2, 0.3), (0.3, 0.5))
    section.colour("#e0c020")
    section.drag((0.7, 0.3), (0.8, 0.5))
    section.drag((0.7, 0.7), (0.8, 0.8))
    section.one("undo").click()
    section.one("give").click()
    section.says("box of hints")
    box = "#script_img2img_colorizediffusion_hints img[src]"
    section.page.wait_for_selector(box, state="attached", timeout=60_000)
    content = base64.b64decode(section.page.evaluate(READ, box).split(",", 1)[1])
    hints = np.asarray(Image.open(io.BytesIO(content)).convert("RGBA")).astype(int)
    assert hints.shape[:2] == (1000, 1500)
    strokes = hints[..., 3] >= 128
    assert near(hints[400, 375][:3], GREEN, 2) and near(hints[400, 1125][:3], (224, 192, 32), 2)
    assert not strokes[700:].any() and 0.001 < strokes.mean() < 0.05


def test_a_large_picture_is_shown_small_and_fixed_at_full_size(section):
    size = (3000, 2000)
    section.open()
    section.give("sketch", drawing(size))
    section.give("picture", painted((300, 200)))
    section.mode("fix")
    section.says("areas: choose a colour")
    assert max(section.seen().shape) == 1280
    section.colour("#20a050")
    section.click(0.75, 0.5)
    content, _ = section.saved("save")
    saved = Image.open(io.BytesIO(content)).convert("RGB")
    assert saved.size == size and near(saved.getpixel((2250, 500)), GREEN, 3)


@pytest.mark.parametrize("what", ["shape", "file", "lines"])
def test_what_cannot_be_done_is_one_sentence_in_the_section(section, what):
    section.open()
    section.give("sketch", Image.new("RGB", SIZE, "white") if what == "lines" else drawing())
    if what == "file":
        section.one("picture").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": b"no picture"})
        section.says("no picture that the browser can read")
        return
    section.give("picture", painted((400, 400) if what == "shape" else SIZE))
    section.mode("fix")
    section.says("expected the same shape" if what == "shape" else "no lines")


@pytest.mark.parametrize("language", [Language.JAPANESE, Language.CHINESE])
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_it_speaks_the_panels_language_and_can_be_read_in_both_themes(browser, language, theme):
    with served(painted(), language, "txt2img") as address:
        page, errors = open_page(browser, address, theme)
        section = Section(page, "txt2img").open()
        assert section.one("status").inner_text() == getattr(WORDS["none"], language.value)
        assert section.one("take").inner_text() == getattr(WORDS["take"], language.value)
        ink, ground = (page.evaluate("""([id, name]) => {
            for (let each = document.querySelector(id); each; each = each.parentElement) {
                const [r, g, b, a] = getComputedStyle(each)[name].match(/[0-9.]+/g).map(Number);
                if (a !== 0) return 0.2126 * r + 0.7152 * g + 0.0722 * b;
            }
            return 255;
        }""", [f"{section.part}_status", name]) for name in ("color", "backgroundColor"))
        assert abs(ink - ground) > 100 and (ground < 100) is (theme == "dark") and errors == []
        page.close()

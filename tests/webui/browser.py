"""Our panel in a page of a running WebUI, in a headless Chromium that playwright drives."""

from __future__ import annotations

import base64
import io
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

CHROMIUM = os.environ.get("COLORIZE_CHROMIUM") or shutil.which("chromium") or ""
ROOT = Path(__file__).parent.parent.parent
SKETCH, OTHER_SKETCH = ROOT / "examples/sketches/dog.png", ROOT / "examples/sketches/gift.png"
REFERENCE = ROOT / "examples/references/sunrise.png"
PATIENCE = 120_000  # milliseconds
READ = """async selector => {
    const content = await (await fetch(document.querySelector(selector).src)).blob();
    const reader = new FileReader();
    return await new Promise(done => { reader.onload = () => done(reader.result); reader.readAsDataURL(content); });
}"""


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser of playwright, closed at the end."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Panel:
    """Our panel in the img2img tab, as a user sees and uses it."""

    def __init__(self, page: Any, kind: str) -> None:
        self.page, self.kind = page, kind  # page: of playwright, which has types only where it is installed
        self.errors: list[str] = []  # that its scripts threw
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def show(self, url: str) -> None:
        """Go there, fold our panel out in the img2img tab, two steps."""
        self.page.goto(url)
        self.page.wait_for_selector("#img2img_generate", state="attached", timeout=PATIENCE)
        self.page.wait_for_selector(self.id("enable-visible-checkbox"), state="attached", timeout=PATIENCE)
        self.page.locator("#tabs > .tab-nav > button", has_text="img2img").first.click()
        self.page.locator(f"{self.id('enable')} > .label-wrap").click()
        self.page.wait_for_selector(self.id("check"), state="visible")
        self.host_number("#img2img_steps", 2)

    def id(self, name: str) -> str:
        """The selector of one of our widgets."""
        return f"#script_img2img_colorizediffusion_{name}"

    def press(self, name: str) -> None:
        self.page.locator(self.id(name)).click()

    def unfold(self, title: str) -> None:
        self.page.locator(f"{self.id('enable')} .label-wrap", has_text=title).click()

    def upload(self, selector: str, path: Path) -> None:
        """Into an empty image box, and wait until it shows."""
        self.page.locator(f"{selector} input[type=file]").first.set_input_files(path)
        self.page.wait_for_selector(f"{selector} img[src]", state="attached", timeout=PATIENCE)

    def number(self, name: str) -> float:
        return float(self.page.locator(f"{self.id(name)} input[type=number]").input_value())

    def set_number(self, name: str, value: float) -> None:
        self.host_number(self.id(name), value)

    def host_number(self, selector: str, value: float) -> None:
        field = self.page.locator(f"{selector} input[type=number]").first
        field.fill(str(value))
        field.blur()

    def wait(self, condition: Callable[[], object], what: str) -> None:
        """Until condition() holds."""
        for _ in range(PATIENCE // 250):
            if condition():
                return
            self.page.wait_for_timeout(250)
        raise AssertionError(f"{what} did not happen")

    def picture(self, selector: str) -> Image.Image:
        """The picture that an element shows."""
        return Image.open(io.BytesIO(base64.b64decode(self.page.evaluate(READ, selector).split(",", 1)[1])))

    def text(self, selector: str) -> str:
        return str(self.page.locator(selector).first.inner_text())  # gradio 3 gives an HTML block's id to two elements

    def generate(self) -> None:
        self.page.locator("#img2img_generate").click()

    def screenshot(self, name: str) -> None:
        if folder := os.environ.get("COLORIZE_SCREENSHOTS"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=Path(folder) / f"{self.kind}-{name}.png")

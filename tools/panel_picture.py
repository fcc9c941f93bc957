"""The pictures of the page in docs/: the panel with a first picture, and an area of it put right, in a real browser.

    python -m tools.panel_picture [--host a1111] [--out docs/images]

Needs the install that tests/webui/host.py names, playwright, and a Chromium (COLORIZE_CHROMIUM, or on the path).
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

from PIL import Image

from lib_colorize.console import take_any_text
from tests.webui import browser
from tests.webui.host import KINDS, Host, install_of

ROOT = Path(__file__).parent.parent
WIDTH, GAP = 1200, 16  # pixels


def shot(page: browser.Panel, selector: str) -> Image.Image:
    return Image.open(io.BytesIO(page.page.locator(selector).first.screenshot()))


def side_by_side(left: Image.Image, right: Image.Image) -> Image.Image:
    size = left.width + GAP + right.width, max(left.height, right.height)
    canvas = Image.new("RGB", size, "white")
    canvas.paste(left, (0, 0))
    canvas.paste(right, (left.width + GAP, 0))
    return canvas


def first_picture(panel: browser.Panel) -> Image.Image:
    """The panel, and what came out."""
    panel.upload("#img2img_image", browser.SKETCH)
    panel.upload(panel.id("reference"), browser.REFERENCE)
    for name, value in (("steps", 20), ("seed", 0)):
        panel.host_number(f"#img2img_{name}", value)
    panel.generate()
    panel.page.wait_for_selector("#img2img_gallery img", timeout=browser.PATIENCE)
    panel.wait(lambda: "Steps: 20" in panel.text("#html_info_img2img"), "the text")
    panel.wait(lambda: panel.page.locator(".progressDiv").count() == 0, "the end of the progress bar")
    return side_by_side(shot(panel, panel.id("enable")), shot(panel, "#img2img_results"))


def put_right(panel: browser.Panel) -> Image.Image:
    """The section "compare and put right", with the result in it and an area in another colour."""
    part = "#colorize_img2img_touching_up"
    panel.page.locator("#colorize_img2img_open_touching_up").click()
    panel.page.locator(f"{part}_mode_fix").check()
    panel.wait(lambda: "areas: choose a colour" in panel.text(f"{part}_status"), "reading the areas")
    canvas = panel.page.locator(f"{part}_canvas")
    for colour, x, y in (("#e06080", 0.5, 0.78), ("#403830", 0.5, 0.545)):  # tongue and nose of the dog
        panel.page.locator(f"{part}_colour").evaluate("(each, value) => { each.value = value; }", colour)
        place = canvas.bounding_box()
        canvas.click(position={"x": x * place["width"], "y": y * place["height"]})
    return shot(panel, "#script_img2img_colorizediffusion_touching_up_fold")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--host", choices=KINDS, default="a1111")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images", help="the folder")
    args = parser.parse_args()
    allowed = "--gradio-allowed-path", str((install_of(args.host) or ("",))[0])
    with Host.start(args.host, probe=False, flags=allowed) as host, browser.chromium() as chromium:
        panel = browser.Panel(chromium.new_page(viewport={"width": WIDTH, "height": 1000}), args.host)
        panel.show(host.url)
        pictures = {"panel.png": first_picture(panel), "touching-up.png": put_right(panel)}
    for name, picture in pictures.items():
        picture.quantize(128, dither=Image.Dither.NONE).save(args.out / name, optimize=True)
        print(args.out / name)


if __name__ == "__main__":
    take_any_text()
    main()

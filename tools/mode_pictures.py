"""The sheet of docs/webui.md about what only a WebUI can do: keep base and inpainting, made over its API.

    python -m tools.mode_pictures [--host a1111] [--out docs/images/modes.png]

Needs the install that tests/webui/host.py names. Seed 0, 20 steps, nothing is picked.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from lib_colorize.console import take_any_text
from lib_colorize.method.settings import Settings
from tests.webui import jobs
from tests.webui.host import KINDS, Host
from tests.webui.reply import encode
from tools.option_pictures import ROOT, Row, example, option_sheet, over_white
from training.evidence.model_size import SHIPPED, painted_size

SIZE = painted_size(SHIPPED)  # pixels
STRENGTHS = (0.3, 0.5, 0.7, 0.9)  # of denoising
JOB = Settings(width=SIZE, height=SIZE)


def colour_over_api(host: Host, reference: Image.Image, picture: Image.Image, arguments: dict[str, Any] | None = None,
           **fields: Any) -> Image.Image:
    """One picture; picture: img2img's own."""
    return jobs.colour(host, JOB, drawing=over_white(picture), colours=over_white(reference), arguments=arguments,
                       **fields).image


def rows(host: Host) -> list[Row]:
    lines, first, second = example("dog"), example("phoenix"), example("purse")
    base = colour_over_api(host, first, lines)
    own: dict[str, Any] = {"sketch": encode(over_white(lines))}
    keep = {**own, "start": "keep base"}
    kept = [(f"denoising {value:g}", colour_over_api(host, second, base, keep, denoising_strength=value))
            for value in STRENGTHS]
    mask = Image.new("L", (SIZE, SIZE), 0)
    ImageDraw.Draw(mask).rectangle((SIZE // 2, 0, SIZE, SIZE), fill=255)
    painted = colour_over_api(
        host, second, base, own, mask=encode(mask), mask_blur=4, inpainting_fill=1, inpaint_full_res=False)
    inputs = [("img2img's picture", base), ("reference", second)]
    return [("keep base", [*inputs, *kept]), ("inpaint", [*inputs, ("mask", mask), ("result", painted)])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--host", choices=KINDS, default="a1111")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images" / "modes.png")
    args = parser.parse_args()
    with Host.start(args.host, probe=False) as host:
        picture = option_sheet(rows(host))
    picture.quantize(256, dither=Image.Dither.NONE).save(args.out, optimize=True)
    print(args.out)


if __name__ == "__main__":
    take_any_text()
    main()

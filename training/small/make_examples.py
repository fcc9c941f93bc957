"""The example pictures of the demo: held-out OpenMoji (`svg_sources.held_out`), and two colouring pages of ours.

    python -m training.make_examples [--packages training/node_modules] [--out examples]
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from training.small.colouring_pages import PAGES
from training.small.rasterize import over, rasterize
from training.small.svg_sources import HERE, PACKAGES, held_out

SIZE = 512


@dataclass(frozen=True)
class Example:
    """One sketch and its two references, by hexcode."""

    name: str
    hexcode: str
    references: tuple[str, str]
    transparent: bool = False
    box: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)  # part that is kept: left, top, right, bottom


EXAMPLES = (
    Example("dog", "1F436", ("sunrise", "tree")),
    Example("wizard", "1F9D9-1F3FF", ("mermaid", "phoenix"), transparent=True),
    Example("pickup", "1F6FB", ("night", "rose"), box=(0.0, 0.2, 1.0, 0.8)),
    Example("gift", "1F381", ("palm", "purse")),
    Example("cow", "1F42E", ("rose", "mermaid")),
    Example("woman", "1F469-200D-1F9B3", ("prince", "redhead")),
)
PAGE_REFERENCES = {"farm": ("palm", "sunrise"), "walk": ("redhead", "prince")}
REFERENCES = {
    "sunrise": "1F305", "tree": "1F332", "mermaid": "1F9DC", "phoenix": "1F426-200D-1F525", "night": "1F309",
    "rose": "1F339", "palm": "1F3DD", "purse": "1F45B", "prince": "1F934",
    "redhead": "1F468-1F3FC-200D-1F9B0",
}


def draw_example(
    svg: str, box: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0), transparent: bool = False,
) -> Image.Image:
    """The SVG at SIZE px, RGBA when transparent, else over white."""
    left, top, right, bottom = (round(part * SIZE) for part in box)
    picture = rasterize(svg, SIZE).crop((left, top, right, bottom))
    return picture if transparent else over(picture, "white")


def listed(sketch: str, references: tuple[str, str]) -> dict[str, Any]:
    """An entry of pairs.json."""
    return {"sketch": f"sketches/{sketch}.png", "references": [f"references/{name}.png" for name in references]}


def make(packages: Path, out: Path) -> None:
    """Write sketches/, references/ and pairs.json."""
    for part in ("sketches", "references"):
        (out / part).mkdir(parents=True, exist_ok=True)
    pairs: list[dict[str, Any]] = []
    for example in EXAMPLES:
        assert held_out(example.hexcode), f"{example.name} was trained on"
        svg = (packages / "openmoji" / "black" / "svg" / f"{example.hexcode}.svg").read_text(encoding="utf-8")
        sketch = draw_example(svg, example.box, example.transparent)
        sketch.save(out / "sketches" / f"{example.name}.png", optimize=True)
        pairs.append(listed(example.name, example.references))
    for page, references in PAGE_REFERENCES.items():
        draw_example(PAGES[page]()).save(out / "sketches" / f"{page}.png", optimize=True)
        pairs.append(listed(page, references))
    for name, hexcode in REFERENCES.items():
        assert held_out(hexcode), f"{name} was trained on"
        svg = (packages / "openmoji" / "color" / "svg" / f"{hexcode}.svg").read_text(encoding="utf-8")
        draw_example(svg).save(out / "references" / f"{name}.png", optimize=True)
    (out / "pairs.json").write_text(json.dumps(pairs, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--packages", type=Path, default=PACKAGES, help="folder of the npm packages")
    parser.add_argument("--out", type=Path, default=HERE.parent / "examples")
    args = parser.parse_args()
    make(args.packages, args.out)

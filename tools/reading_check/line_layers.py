"""Line drawings on transparency as people hand them over: any colour, faint, with marks that strayed onto them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

SIDE = 512
COLOURS = {"black": (0, 0, 0), "grey": (90, 90, 90), "red": (200, 30, 40), "blue": (40, 60, 220),
           "yellow": (250, 220, 0), "white": (255, 255, 255)}
OPACITIES = (1.0, 1.0, 0.3)
OUTLINED = "fill:none!important;stroke:#000!important;opacity:1!important;"
LEAST, MOST = 0.005, 0.2  # of a line drawing, covered by lines
LARGEST, STRIDE = 60_000, 1009  # bytes of a file; a prime, so that all folders have their turn


@dataclass(frozen=True)
class LineLayer:
    """image: RGBA. ink: [h, w] in [0, 1], how much of a line lies on each pixel."""

    name: str
    image: Image.Image
    ink: np.ndarray


def line_layers(svgs: Path, count: int) -> Iterator[LineLayer]:
    """The outlines of so many SVG files, each in another colour, opacity and with other marks."""
    rng, found = np.random.default_rng(0), 0
    for file in in_turn(svgs):
        ink = outlines(file)
        if ink is None:
            continue
        colour, opacity = list(COLOURS)[found % len(COLOURS)], OPACITIES[found // len(COLOURS) % len(OPACITIES)]
        mark = list(MARKS)[found % len(MARKS)]
        image = line_layer(ink, COLOURS[colour], opacity, mark, rng)
        yield LineLayer(f"{file.stem}, {colour}, {opacity:g}, {mark}", image, ink)
        found += 1
        if found == count:
            return


def in_turn(svgs: Path) -> Iterator[Path]:
    """The SVG files below a folder that are not LARGEST, each once, now from this folder and now from that."""
    files = sorted(path for path in svgs.rglob("*.svg") if path.stat().st_size < LARGEST)
    return (files[i * STRIDE % len(files)] for i in range(len(files)))


def outlines(file: Path, side: int = SIDE, width: float = 1 / 200) -> np.ndarray | None:
    """An SVG file as a line drawing: all its shapes outlined, none filled. Ink [h, w]; None where it gives none.

    width: of the lines, of the drawing's longer side; a shape's own scale may change it.
    """
    from training.small.rasterize import rasterize

    text = file.read_text(encoding="utf-8", errors="replace")
    head = re.search(r"<svg[^>]*>", text)
    view = re.search(r'viewBox="([^"]*)"', head[0]) if head else None
    wide = re.search(r'\bwidth="([\d.]+)', head[0]) if head else None
    if head is None or (view is None and wide is None):
        return None
    try:
        user = max(map(float, view[1].replace(",", " ").split()[2:])) if view else float(wide[1]) if wide else 0.0
        rule = f"<style>*{{{OUTLINED}stroke-width:{user * width:g}!important}}</style>"
        drawn = rasterize(text[:head.end()] + rule + text[head.end():], side)
    except ValueError:  # what resvg cannot draw, numbers that are none
        return None
    ink = np.asarray(drawn, np.float32)[..., 3] / 255
    return ink if LEAST < float((ink > 0.5).mean()) < MOST else None


def line_layer(ink: np.ndarray, colour: tuple[int, int, int], opacity: float, mark: str, rng: np.random.Generator,
               ) -> Image.Image:
    """RGBA: the ink in that colour, with a mark of another."""
    rgba = np.zeros((*ink.shape, 4), np.uint8)
    rgba[..., :3] = colour
    rgba[..., 3] = np.rint(255 * opacity * ink)
    image = Image.fromarray(rgba)
    MARKS[mark](image, rng)
    return image


def _place(image: Image.Image, rng: np.random.Generator) -> tuple[int, int]:
    return int(rng.integers(20, image.width - 60)), int(rng.integers(20, image.height - 40))


def _grey_pixel(image: Image.Image, rng: np.random.Generator) -> None:
    image.putpixel(_place(image, rng), (60, 60, 60, 255))


def _highlight(image: Image.Image, rng: np.random.Generator) -> None:
    x, y = _place(image, rng)
    ImageDraw.Draw(image).ellipse((x, y, x + 8, y + 8), fill=(255, 255, 255, 255))


def _signature(image: Image.Image, rng: np.random.Generator) -> None:
    points = [(image.width - 60 + 4 * i, image.height - 20 + int(rng.integers(-6, 7))) for i in range(12)]
    ImageDraw.Draw(image).line(points, fill=(30, 60, 150, 255), width=2)


def _cheeks(image: Image.Image, rng: np.random.Generator) -> None:
    x, y = _place(image, rng)
    for left in (x, x + 40):
        blush = Image.new("L", image.size)
        ImageDraw.Draw(blush).ellipse((left, y, left + 24, y + 14), fill=140)
        image.paste(Image.alpha_composite(image, Image.merge("RGBA", (*Image.new("RGB", image.size, "red").split(),
                                                                      blush))))


MARKS = {"no mark": lambda image, rng: None, "grey pixel": _grey_pixel, "highlight": _highlight,
         "signature": _signature, "cheeks": _cheeks}

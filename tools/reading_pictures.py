"""The sheet of docs/reading.md: kinds of sketch as people bring them, and what the encoder is shown, before and after.

    python -m tools.reading_pictures [--out docs/images/reading.png]
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from lib_colorize.console import take_any_text
from lib_colorize.errors import ColorizeError
from lib_colorize.method.reading_settings import LineStrength, SketchReading
from lib_colorize.method.settings import Settings
from lib_colorize.pictures.picture_files import open_image
from lib_colorize.pictures.preview import shown_sketch
from lib_colorize.whole_file import write_whole

ROOT = Path(__file__).parent.parent
SIDE, CELL, GAP = 128, 128, 6
FIRST = Settings(reading=SketchReading.FIRST, line_strength=LineStrength.AS_DRAWN, photo=False, fit_drawing=False)


def main() -> None:
    command = argparse.ArgumentParser(prog="python -m tools.reading_pictures", description=__doc__)
    command.add_argument("--out", type=Path, default=ROOT / "docs" / "images" / "reading.png")
    out = command.parse_args().out
    sketch = open_image(ROOT / "examples" / "sketches" / "woman.png").convert("L").resize((512, 512))
    ink = 1 - np.asarray(sketch, np.float32) / 255
    columns = [make(ink) for make in KINDS.values()]
    rows = [columns, *([shown_to_encoder(each, how) for each in columns] for how in (FIRST, Settings()))]
    sheet = Image.new("RGB", (len(columns) * (CELL + GAP), len(rows) * (CELL + GAP)), (250, 120, 190))
    for y, row in enumerate(rows):
        for x, picture in enumerate(row):
            small = picture.convert("RGBA").resize((CELL, CELL), Image.Resampling.LANCZOS)
            sheet.paste(small, (x * (CELL + GAP), y * (CELL + GAP)), small)
    file = io.BytesIO()
    sheet.save(file, "PNG", optimize=True)
    write_whole(out, file.getvalue())
    print(out)


def shown_to_encoder(sketch: Image.Image, settings: Settings) -> Image.Image:
    """What the encoder is shown; a crossed cell where there is none."""
    try:
        return shown_sketch(sketch, settings, SIDE, 64)
    except ColorizeError:
        empty = Image.new("RGB", (SIDE, SIDE), "white")
        ImageDraw.Draw(empty).line((0, 0, SIDE, SIDE), fill="red", width=3)
        return empty


def clear(ink: np.ndarray, colour: tuple[int, int, int], opacity: float = 1.0) -> Image.Image:
    """The ink in a colour on transparency."""
    plane = np.broadcast_to(np.array(colour, np.float32), (*ink.shape, 3))
    return Image.fromarray(np.dstack([plane, 255 * opacity * ink]).astype(np.uint8))


def opaque(ink: np.ndarray, line: tuple[int, int, int], paper: tuple[int, int, int], grain: float = 0) -> Image.Image:
    """The ink in a colour on paper of another, with grain."""
    noise = np.random.default_rng(0).normal(0, grain, (*ink.shape, 1))
    mixed = np.array(paper) + (np.array(line) - np.array(paper)) * ink[..., None] + noise
    return Image.fromarray(mixed.clip(0, 255).astype(np.uint8))


def with_pixel(ink: np.ndarray) -> Image.Image:
    image = clear(ink, (0, 0, 0))
    image.putpixel((20, 20), (60, 60, 60, 255))
    return image


def framed(ink: np.ndarray) -> Image.Image:
    image = opaque(ink, (0, 0, 0), (255, 255, 255))
    ImageDraw.Draw(image).rectangle((0, 0, 511, 511), outline=(0, 0, 0), width=40)
    return image


def empty_sheet(ink: np.ndarray) -> Image.Image:
    return opaque(ink * 0, (0, 0, 0), (250, 250, 250), 3)


KINDS: dict[str, Callable[[np.ndarray], Image.Image]] = {
    "a stray pixel": with_pixel, "white on transparency": lambda ink: clear(ink, (255, 255, 255)),
    "a layer at 30 %": lambda ink: clear(ink, (0, 0, 0), 0.3),
    "inverted": lambda ink: opaque(ink, (255, 255, 255), (0, 0, 0)), "framed": framed,
    "chalk": lambda ink: opaque(ink, (225, 225, 225), (45, 50, 48), 9),
    "blueprint": lambda ink: opaque(ink, (240, 245, 255), (25, 60, 150)),
    "sepia": lambda ink: opaque(ink, (90, 60, 30), (225, 205, 165), 4),
    "faint pencil": lambda ink: opaque(ink, (235, 235, 235), (255, 255, 255)), "an empty sheet": empty_sheet,
}

if __name__ == "__main__":
    take_any_text()
    main()

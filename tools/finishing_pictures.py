"""docs/images/finishing.png: sketches, the shipped model's pictures enlarged, and the same carried up to the lines.

    python -m tools.finishing_pictures [--packages training/node_modules]

Draws held-out avatars and OpenMoji (npm ci --prefix training) at 2,048 px, and colours them at the model's own size.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from lib_colorize.cli.loading import DEFAULT_CHECKPOINT
from lib_colorize.console import take_any_text
from lib_colorize.engine.engine import Engine
from lib_colorize.finishing.divided import finish
from lib_colorize.finishing.drawing import drawing_on_white
from lib_colorize.method.settings import Settings
from tools.finishing_check.pairs import drawn_and_painted
from training.small.drawings import Drawing, avatar_drawings, openmoji_drawings

ROOT = Path(__file__).parent.parent
SHOWN = 300  # px, of each on the sheet
CHOSEN = (2, 5, 6, 11)  # of the drawings below


def sketch_and_painting(drawing: Drawing, number: int, engine: Engine) -> tuple[Image.Image, Image.Image]:
    """The sketch at 2,048 px, L, and what the model paints of it at its own size."""
    large, painted = drawn_and_painted(drawing, f"finishing {number}", number, engine)
    return large.sketch, painted


def enlarged_and_carried(sketch: Image.Image, painted: Image.Image) -> list[Image.Image]:
    """Sketch, enlargement with the lines over it, colours carried up."""
    lines = sketch.convert("RGB")
    enlarged = np.asarray(painted.resize(sketch.size, Image.Resampling.LANCZOS)) * (np.asarray(lines) / 255)
    finished = finish(drawing_on_white(lines, Settings()), painted).picture()
    return [lines, Image.fromarray(enlarged.astype(np.uint8)), finished]


def main() -> None:
    """Make the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", type=Path, default=ROOT / "training" / "node_modules")
    packages = parser.parse_args().packages
    engine = Engine.load(DEFAULT_CHECKPOINT, device="cpu")
    drawings = [*list(openmoji_drawings(packages))[::37][:6], *list(avatar_drawings(2))[:6]]
    rows = [enlarged_and_carried(*sketch_and_painting(drawings[number], number, engine)) for number in CHOSEN]
    sheet = Image.new("RGB", (6 * SHOWN, -(-len(rows) // 2) * SHOWN), "white")
    for place, pictures in enumerate(rows):
        for column, picture in enumerate(pictures):
            left, top = (3 * (place % 2) + column) * SHOWN, place // 2 * SHOWN
            sheet.paste(picture.resize((SHOWN, SHOWN), Image.Resampling.LANCZOS), (left, top))
    sheet.save(ROOT / "docs" / "images" / "finishing.png", optimize=True)


if __name__ == "__main__":
    take_any_text()
    main()

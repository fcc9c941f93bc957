"""The grid at the top of the README: sketches down, references across, every pair coloured by the shipped model.

    python -m training.readme_grid [--overlay 0] [--out docs/images/grid.png]

Nothing is picked: all sketches of examples/ by its first references in alphabetical order, seed 0, default settings.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image

from lib_colorize.images import open_image
from lib_colorize.settings import Settings
from lib_colorize.standalone.engine import Engine

ROOT = Path(__file__).parent.parent
CELL = 128  # px
REFERENCES = 5


def on_cell(picture: Image.Image) -> Image.Image:
    """The picture centred on a white cell."""
    fitted = picture.convert("RGBA")
    fitted.thumbnail((CELL - 4, CELL - 4), Image.Resampling.LANCZOS)
    if max(fitted.size) < CELL - 4:
        scale = (CELL - 4) / max(fitted.size)
        fitted = fitted.resize((round(fitted.width * scale), round(fitted.height * scale)), Image.Resampling.BICUBIC)
    cell = Image.new("RGBA", (CELL, CELL), "white")
    cell.alpha_composite(fitted, ((CELL - fitted.width) // 2, (CELL - fitted.height) // 2))
    return cell.convert("RGB")


def grid(engine: Engine, sketches: list[Path], references: list[Path], settings: Settings) -> Image.Image:
    """First row the references, first column the sketches."""
    sheet = Image.new("RGB", (CELL * (len(references) + 1), CELL * (len(sketches) + 1)), "white")
    for column, reference in enumerate(references, 1):
        sheet.paste(on_cell(open_image(reference)), (CELL * column, 0))
        for row, path in enumerate(sketches, 1):
            sketch = open_image(path)
            sheet.paste(on_cell(sketch), (0, CELL * row))
            result = engine.colorize(sketch, open_image(reference), settings)[0].image
            sheet.paste(on_cell(result), (CELL * column, CELL * row))
    return sheet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--checkpoint", type=Path, default=ROOT / "models" / "colorize-small.safetensors")
    parser.add_argument("--overlay", type=float, default=0.0, help="line overlay, 0 to 1")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images" / "grid.png")
    args = parser.parse_args()
    sketches = sorted((ROOT / "examples" / "sketches").glob("*.png"))
    references = sorted((ROOT / "examples" / "references").glob("*.png"))[:REFERENCES]
    args.out.parent.mkdir(parents=True, exist_ok=True)
    grid(Engine.load(args.checkpoint), sketches, references, Settings(line_overlay=args.overlay)).save(args.out)
    print(args.out)


if __name__ == "__main__":
    main()

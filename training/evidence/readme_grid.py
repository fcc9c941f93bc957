"""The grid at the top of the README: sketches down, references across, every pair coloured by the shipped model.

    python -m training.readme_grid [--benchmark data/evidence] [--overlay 0] [--out docs/images/grid.jpg]

Nothing is picked: all sketches of examples/ by its first references in alphabetical order, or the first figures of the
evidence benchmark, one of each group in turn, by their references. Seed 0, default settings.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from lib_colorize.engine.contact_sheet import contact_sheet
from lib_colorize.engine.engine import Engine
from lib_colorize.method.settings import Settings
from lib_colorize.pictures.picture_files import open_image
from training.evidence.questions import open_benchmark
from training.evidence.side_by_side import choose_examples, save_sheet

ROOT = Path(__file__).parents[2]
ROWS, COLUMNS = 6, 5


def of_examples() -> tuple[list[Image.Image], list[Image.Image]]:
    """Sketches, references."""
    sketches, references = (sorted((ROOT / "examples" / kind).glob("*.png")) for kind in ("sketches", "references"))
    return [open_image(p) for p in sketches], [open_image(p) for p in references[:COLUMNS]]


def of_benchmark(folder: Path) -> tuple[list[Image.Image], list[Image.Image]]:
    """Sketches, references; a reference stands in a row of its own pair and in all others."""
    benchmark = open_benchmark(folder)
    pairs = choose_examples(benchmark, ROWS)
    return ([benchmark.sketch(pair) for pair in pairs],
            [benchmark.reference(pair) for pair in pairs[:COLUMNS]])


def readme_grid(
    engine: Engine, sketches: Sequence[Image.Image], references: Sequence[Image.Image], settings: Settings,
) -> Image.Image:
    """First row the references, first column the sketches."""
    rows = [[Image.new("RGB", (1, 1), "white"), *references]]
    for sketch in sketches:
        rows.append([sketch, *(engine.colorize(sketch, each, settings)[0].image for each in references)])
    return contact_sheet(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--checkpoint", type=Path, default=ROOT / "models" / "colorize-small.safetensors")
    parser.add_argument("--benchmark", type=Path, help="of training.evidence.benchmark; without: the examples")
    parser.add_argument("--overlay", type=float, default=0.0, help="line overlay, 0 to 1")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images" / "grid.jpg")
    args = parser.parse_args()
    sketches, references = of_benchmark(args.benchmark) if args.benchmark else of_examples()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    settings = Settings(line_overlay=args.overlay)
    save_sheet(readme_grid(Engine.load(args.checkpoint), sketches, references, settings), args.out)
    print(args.out)

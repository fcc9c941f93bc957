"""Pictures to colour: the shipped examples, and their sketches at any size."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from lib_colorize.cli.demo import read_pairs
from lib_colorize.pictures.picture_files import open_image

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "models" / "colorize-small.safetensors"
Pictures = tuple[Image.Image, Image.Image]  # sketch, reference


def example_pairs(count: int) -> list[Pictures]:
    """The first `count` pairs of examples/pairs.json, of different sketches while there are any."""
    pairs = read_pairs(ROOT / "examples")
    firsts = [pair for i, pair in enumerate(pairs) if pair.sketch not in {other.sketch for other in pairs[:i]}]
    chosen = [*firsts, *(pair for pair in pairs if pair not in firsts)][:count]
    return [(open_image(pair.sketch), open_image(pair.reference)) for pair in chosen]


def turned(reference: Image.Image, number: int) -> Image.Image:
    """The reference, and a new one for each number: what was kept of it does not serve again."""
    return reference.convert("RGB").rotate(number)

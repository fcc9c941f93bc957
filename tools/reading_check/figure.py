"""A small figure in a reference: the result against that of the reference as it was, and of it trimmed by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from lib_colorize.engine.engine import Engine
from lib_colorize.method.settings import Settings
from lib_colorize.pictures.colour_spaces import lab_of
from tools.reading_check.findings import ReadingFigure
from tools.reading_check.packages import Packages
from training.small.colour import ciede2000

ROOT = Path(__file__).parents[2]
PAIRS = (("woman", "redhead"), ("dog", "sunrise"), ("gift", "purse"))
SHARES = (0.2, 0.31, 0.59)  # of the reference's side
PAGE = 512  # pixels
GOAL = 3.0


def run(packages: Packages) -> Iterator[ReadingFigure]:
    """The mean over all pixels and pairs, for each size of the figure, with margins left out and as they are."""
    engine = Engine.load(ROOT / "models" / "colorize-small.safetensors", device="cpu")
    pictures = [(example_picture("sketches", sketch), example_picture("references", reference))
                for sketch, reference in PAIRS]
    wanted = [coloured_by(engine, *pair) for pair in pictures]
    for share in SHARES:
        off = [ciede(coloured_by(engine, sketch, on_a_page(reference, share)), right)
               for (sketch, reference), right in zip(pictures, wanted)]
        yield ReadingFigure(f"reference at {share:.0%} of its side, mean CIEDE2000", float(np.mean(off)), GOAL,
                            at_most=True, note=", ".join(f"{value:.2g}" for value in off))


def example_picture(kind: str, name: str) -> Image.Image:
    """RGB."""
    return Image.open(ROOT / "examples" / kind / f"{name}.png").convert("RGB")


def on_a_page(reference: Image.Image, share: float) -> Image.Image:
    """The whole reference at that share of a white page's side, off its middle."""
    side = round(share * PAGE)
    page = Image.new("RGB", (PAGE, PAGE), "white")
    page.paste(reference.resize((side, side), Image.Resampling.LANCZOS), ((PAGE - side) // 3, (PAGE - side) // 2))
    return page


def coloured_by(engine: Engine, sketch: Image.Image, reference: Image.Image) -> Image.Image:
    """With the settings that a user has who chose none."""
    return engine.colorize(sketch, reference, Settings())[0].image


def ciede(one: Image.Image, other: Image.Image) -> float:
    """The mean over all pixels."""
    a, b = (lab_of(np.asarray(picture, dtype=np.float64)) for picture in (one, other))
    return float(ciede2000(a, b).mean())

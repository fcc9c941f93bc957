"""What the README claims of the shipped model: colours come from the reference, shapes from the sketch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lib_colorize.checkpoint.kinds import Kind
from lib_colorize.checkpoint.report import inspect
from lib_colorize.cli.demo import ROOT, read_pairs
from lib_colorize.cli.loading import DEFAULT_CHECKPOINT
from lib_colorize.engine.engine import Engine
from lib_colorize.method.schedule import Prediction
from lib_colorize.method.settings import Settings
from lib_colorize.pictures.picture_files import open_image
from training.small.colouring_pages import PAGES
from training.small.make_examples import EXAMPLES, REFERENCES
from training.small.svg_sources import held_out

SKETCHES = ("cow", "dog", "wizard")
HUES = {"phoenix": (24,), "night": (216, 43), "purse": (269,)}  # degrees, of the reference's own colours


@pytest.fixture(scope="module")
def pictures() -> dict[tuple[str, str], Image.Image]:
    engine = Engine.load(DEFAULT_CHECKPOINT, device="cpu")
    return {(sketch, reference): engine.colorize(
                open_image(ROOT / "examples" / "sketches" / f"{sketch}.png"),
                open_image(ROOT / "examples" / "references" / f"{reference}.png"), Settings())[0].image
            for sketch in SKETCHES for reference in HUES}


def coloured_hues(picture: Image.Image) -> np.ndarray:
    """Hues in [0, 1) of the pixels that have a clear colour; the purse itself has a saturation of 0.4."""
    hue, saturation, value = (np.asarray(band).ravel() / 255 for band in picture.convert("HSV").split())
    return hue[(saturation > 0.2) & (value > 0.25)]


def test_the_file_is_ours_and_says_everything_about_itself() -> None:
    info = inspect(DEFAULT_CHECKPOINT)
    assert info.kind is Kind.OURS and info.prediction is Prediction.V
    assert not info.differing and info.config is not None and info.config.reference is not None
    assert info.metadata["modelspec.license"] == "CC BY-SA 4.0"
    assert DEFAULT_CHECKPOINT.stat().st_size <= 40 * 10**6


def test_no_example_was_trained_on() -> None:
    assert all(held_out(example.hexcode) for example in EXAMPLES) and all(map(held_out, REFERENCES.values()))
    names = {example.name for example in EXAMPLES} | {*PAGES}
    assert {pair.sketch.stem for pair in read_pairs(ROOT / "examples")} == names
    assert len(list((Path(ROOT) / "examples" / "references").glob("*.png"))) == len(REFERENCES)


@pytest.mark.parametrize("reference", HUES)
def test_the_colour_comes_from_the_reference(
    pictures: dict[tuple[str, str], Image.Image], reference: str,
) -> None:
    for sketch in SKETCHES:
        picture = pictures[sketch, reference]
        hues = coloured_hues(picture)
        assert len(hues) > 0.018 * picture.width * picture.height, f"{sketch} by {reference} has hardly any colour"
        distances = [np.min([np.abs((hues - hue / 360 + 0.5) % 1 - 0.5) for hue in own], axis=0)
                     for own in HUES.values()]
        nearest = np.argmin(distances, axis=0)
        share = float((nearest == list(HUES).index(reference)).mean())
        assert share > 0.6, f"{sketch} by {reference}: only {share:.2f} of the colour is nearest to its own reference's"


@pytest.mark.parametrize("sketch", SKETCHES)
def test_the_shape_comes_from_the_sketch(pictures: dict[tuple[str, str], Image.Image], sketch: str) -> None:
    drawing = open_image(ROOT / "examples" / "sketches" / f"{sketch}.png")
    paper = Image.new("RGBA", drawing.size, "white")
    paper.alpha_composite(drawing.convert("RGBA"))
    for reference in HUES:
        picture = pictures[sketch, reference]
        lines = np.asarray(paper.convert("L").resize(picture.size, Image.Resampling.BOX)) < 110
        shift = picture.height * 11 // 128, picture.width * 17 // 128
        other = np.roll(lines, shift, axis=(0, 1))  # the same number of pixels in the wrong place
        grey = np.asarray(picture.convert("L")).astype(float)
        assert grey[lines].mean() < grey[other & ~lines].mean() - 25, reference

"""Which way round pictures are read: sprites, portraits, colouring pages, line layers with what strays onto them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from lib_colorize.errors import ColorizeError
from lib_colorize.method.settings import Settings
from lib_colorize.pictures.flattening import WHITE, over_paper
from lib_colorize.pictures.images import line_drawing
from lib_colorize.pictures.picture_files import open_image
from tools.reading_check.findings import ReadingFigure
from tools.reading_check.line_layers import line_layers
from tools.reading_check.packages import Packages

GOAL = 0.99
PAGES = ("carcassone", "chicken", "frog", "hat", "jetplane", "jigsaw", "nagasaki", "pansy", "rocket", "shipwreck",
         "street", "tux_farmer", "worldmap", "worldmap_africa", "worldmap_japan")
PORTRAITS, LAYERS = 60, 300
PAINTED = 0.15  # of a picture: what is drawn in lines alone covers less


def run(packages: Packages) -> Iterator[ReadingFigure]:
    """One finding for each kind, the share that is read the right way round."""
    portraits = sorted(packages.pictures("wesnoth-1.16-data").rglob("*.png"))
    yield share("painted portraits with alpha", evenly(portraits, PORTRAITS))
    yield share("sprites", sorted(packages.pictures("renpy-thequestion").glob("sylvie *.png")))
    pages = packages.pictures("tuxpaint-data")
    yield share("colouring pages", [pages / f"{name}.png" for name in PAGES])
    right = [read_as(layer.image, layer.ink) for layer in line_layers(packages.pictures("openclipart-svg"), LAYERS)]
    yield ReadingFigure(f"{len(right)} line layers with stray marks", float(np.mean(right)), GOAL)


def evenly(files: list[Path], count: int) -> list[Path]:
    """So many of the files, spread over all of them."""
    return [files[i * len(files) // count] for i in range(count)]


def share(what: str, files: Iterable[Path]) -> ReadingFigure:
    """How many are read as dark lines on white paper."""
    right = [(file.stem, read_dark(open_image(file))) for file in files]
    wrong = [name for name, good in right if not good]
    return ReadingFigure(f"{len(right)} {what}", 1 - len(wrong) / len(right), GOAL, note=", ".join(wrong[:8]))


def read_dark(image: Image.Image) -> bool:
    """Whether what is dark over white comes out as lines."""
    ink = 1 - np.asarray(over_paper(image, WHITE), np.float32).min(-1) / 255
    figure = np.asarray(image.convert("RGBA"))[..., 3] > 127
    return read_as(image, ink, figure if PAINTED < figure.mean() < 1 else None)


def read_as(image: Image.Image, ink: np.ndarray, where: np.ndarray | None = None) -> bool:
    """Whether the lines that are read go with this ink, [h, w] in [0, 1], and not against it.

    where: [h, w] of bool, the figure of a painted picture: its outline alone is ink on paper of either colour.
    """
    try:
        lines = line_drawing(image, Settings())[0].amax(0).numpy()
    except ColorizeError:
        return False
    where = np.ones(ink.shape, bool) if where is None else where
    if lines.shape != ink.shape:  # read at another size
        size = lines.shape[::-1]
        ink = np.asarray(Image.fromarray(ink).resize(size, Image.Resampling.BOX))
        where = np.asarray(Image.fromarray(where).resize(size, Image.Resampling.NEAREST))
    return float(np.corrcoef(lines[where], ink[where])[0, 1]) > 0.3

"""Held-out drawings at 2,048 px whose areas are known, and what the shipped model paints of them at its own size."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from lib_colorize.cli.loading import DEFAULT_CHECKPOINT
from lib_colorize.engine.engine import Engine
from lib_colorize.errors import ColorizeError
from lib_colorize.method.settings import Settings
from lib_colorize.whole_file import ensure_folder, write_whole
from tools.finishing_check.parts import Sources
from training.dataset.shards import encode_picture
from training.small.drawings import Drawing, avatar_drawings, openmoji_drawings
from training.small.dress import choose
from training.small.figures import Dressed, View, draw_dressed

SIDE = 2048  # px, of the sketches
OF_EACH, AVATARS, SEED = 8, 4, 3  # drawings of each kind; avatars of each style that they are chosen from
KINDS = ("lines", "painted", "labels", "color")


@dataclass(frozen=True)
class PaintedPair:
    """sketch: RGB, SIDE px; painted: RGB, the model's size; labels: [SIDE, SIDE] uint8, parts, 0 = nobody's pixel.

    colours: RGB, SIDE px, the drawing as it is truly coloured.
    """

    name: str
    sketch: Image.Image
    painted: Image.Image
    labels: np.ndarray
    colours: Image.Image


def drawn_and_painted(drawing: Drawing, seed: str | int, number: int, engine: Engine) -> tuple[Dressed, Image.Image]:
    """The drawing at SIDE px, and what the model paints of it at its own size, in another picture's colours."""
    rng = random.Random(seed)
    dress, view = choose(drawing, rng, False), View.draw(rng)
    large = draw_dressed(drawing, dress, view, SIDE, random.Random(1))
    small = draw_dressed(drawing, dress, view, engine.resolution, random.Random(1))
    reference = draw_dressed(drawing, dress, View.draw(rng), engine.resolution, random.Random(2))
    settings = Settings(seed=number, reference_guidance=3.0)
    return large, engine.colorize(small.sketch.convert("RGB"), reference.color, settings)[0].image


def painted_pairs(sources: Sources) -> Iterator[PaintedPair]:
    """2 * OF_EACH of them, OpenMoji first; read from `sources.data`, or made there.

    ColorizeError for packages or a checkpoint that are not there.
    """
    for number in range(2 * OF_EACH):
        files = {kind: sources.data / f"{number:02d}.{kind}.png" for kind in KINDS}
        if not all(file.is_file() for file in files.values()):
            _make(sources)
        opened = {kind: Image.open(file) for kind, file in files.items()}
        yield PaintedPair(f"{number:02d}", opened["lines"].convert("RGB"), opened["painted"].convert("RGB"),
                          np.asarray(opened["labels"]), opened["color"].convert("RGB"))


def _make(sources: Sources) -> None:
    if not Path(DEFAULT_CHECKPOINT).is_file():
        raise ColorizeError(f"{DEFAULT_CHECKPOINT}: no such file, expected the shipped model; fetch it with the "
                            "repository, or name a folder of painted drawings with --data")
    drawings = [*openmoji_drawings(sources.packages)], [*avatar_drawings(AVATARS)]
    engine, rng = Engine.load(DEFAULT_CHECKPOINT, device="cpu"), random.Random(SEED)
    ensure_folder(sources.data)
    for number, drawing in enumerate(chosen for kind in drawings for chosen in rng.sample(kind, OF_EACH)):
        large, painted = drawn_and_painted(drawing, number, number, engine)
        for kind, picture in zip(KINDS, (large.sketch, painted, Image.fromarray(large.labels), large.color)):
            write_whole(sources.data / f"{number:02d}.{kind}.png", encode_picture(picture, "png"))

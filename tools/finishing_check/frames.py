"""How steady the colours of a moving drawing are: the same true areas in neighbouring frames, by CIEDE2000."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from PIL import Image

from lib_colorize.cli.loading import DEFAULT_CHECKPOINT
from lib_colorize.engine.engine import Engine
from lib_colorize.finishing.colour import colour_distance
from lib_colorize.method.settings import Settings
from lib_colorize.pictures.colour_spaces import lab_of
from lib_colorize.pictures.extras import NO_EXTRAS, Extras, LastFrame
from tools.finishing_check.parts import Sources
from tools.reading_check.findings import ReadingFigure
from training.small.drawings import Drawing, avatar_drawings
from training.small.dress import choose
from training.small.figures import BACKGROUND, View, draw_dressed

FRAMES, SIDE, DRAWN = 24, 384, 768  # px of a frame, and as which it is drawn before it is turned
FOLLOW, STEPS, GOAL = 0.5, 10, 1 / 3
LEAST = 60  # px of an area in a frame: with fewer it is not asked about
VIEW = View(0.9, 0.8, 0.0, 0.0, False)


@dataclass(frozen=True)
class MovingFrame:
    """sketch: RGB; labels: [SIDE, SIDE] uint8, the true parts, 0 = nobody's pixel."""

    sketch: Image.Image
    labels: np.ndarray


def run(sources: Sources) -> Iterator[ReadingFigure]:
    """Six avatars, each in FRAMES frames: with seeds of their own, with one seed, and each following the last."""
    engine = Engine.load(DEFAULT_CHECKPOINT, device="cpu")
    found: dict[str, list[float]] = {}
    for number, drawing in enumerate(avatar_drawings(1)):
        frames, reference = moving(drawing, number)
        for way, pictures in ways(engine, frames, reference, number):
            found.setdefault(way, []).append(apart_from_the_last(frames, pictures))
    apart = {way: float(np.mean(each)) for way, each in found.items()}
    for way, value in apart.items():
        yield ReadingFigure(f"neighbouring frames, {way}", value, unit="CIEDE2000",
                            note=", ".join(f"{each:.1f}" for each in found[way]))
    yield ReadingFigure("following, over seeds of their own", apart["following"] / apart["seeds of their own"], GOAL,
                        at_most=True)


def moving(drawing: Drawing, number: int) -> tuple[list[MovingFrame], Image.Image]:
    """An avatar that turns by 15 degrees, moves by 8 % and grows by 6 %, and its reference in other colours."""
    rng = random.Random(f"frames {number}")
    dressed = draw_dressed(drawing, choose(drawing, rng, False), VIEW, DRAWN, rng)
    reference = draw_dressed(drawing, choose(drawing, rng, False), View.draw(rng), 256, rng).color
    frames = []
    for i in range(FRAMES):
        t = 2 * math.pi * i / FRAMES
        place = (15 * math.sin(t), 0.08 * math.cos(t), 0.06 * math.sin(2 * t), 1 + 0.06 * math.sin(t))
        sketch = placed_anew(dressed.sketch, place, 255, Image.Resampling.BICUBIC).resize((SIDE, SIDE))
        labels = placed_anew(Image.fromarray(dressed.labels), place, BACKGROUND, Image.Resampling.NEAREST)
        frames.append(MovingFrame(sketch.convert("RGB"),
                            np.asarray(labels.resize((SIDE, SIDE), Image.Resampling.NEAREST))))
    return frames, reference


def placed_anew(picture: Image.Image, place: tuple[float, float, float, float], paper: int,
          how: Image.Resampling) -> Image.Image:
    """place: degrees, parts of the width to the right and down, times larger."""
    (turn, right, down, zoom), (width, height) = place, picture.size
    c, s = math.cos(math.radians(turn)) / zoom, math.sin(math.radians(turn)) / zoom
    x, y = width / 2 + right * width, height / 2 + down * height
    matrix = (c, s, width / 2 - c * x - s * y, -s, c, height / 2 + s * x - c * y)
    return picture.transform(picture.size, Image.Transform.AFFINE, matrix, how, fillcolor=paper)


def ways(
    engine: Engine, frames: list[MovingFrame], reference: Image.Image, number: int, steps: int = STEPS,
) -> Iterator[tuple[str, list[Image.Image]]]:
    """The pictures of the frames, as asked for in each way."""
    def painted(frame: MovingFrame, seed: int, extras: Extras = NO_EXTRAS) -> Image.Image:
        return engine.colorize(frame.sketch, reference, Settings(seed=seed, steps=steps), extras=extras)[0].image

    yield "seeds of their own", [painted(frame, 1000 * number + i) for i, frame in enumerate(frames)]
    one_seed = [painted(frame, number) for frame in frames]
    yield "one seed", one_seed
    following = one_seed[:1]
    for before, frame in pairwise(frames):
        last = LastFrame(before.sketch, following[-1], FOLLOW)
        following.append(painted(frame, number, Extras(last=last)))
    yield "following", following


def apart_from_the_last(frames: list[MovingFrame], pictures: list[Image.Image]) -> float:
    """Mean CIEDE2000 between the median colours of the same true area in neighbouring frames."""
    colours = [medians(frame.labels, picture) for frame, picture in zip(frames, pictures)]
    return float(np.mean([colour_distance(lab_of(one[area]), lab_of(other[area]))
                          for one, other in pairwise(colours) for area in one if area in other]))


def medians(labels: np.ndarray, picture: Image.Image) -> dict[int, np.ndarray]:
    """True area -> its median colour [3]."""
    pixels = np.asarray(picture.convert("RGB").resize(labels.shape[::-1], Image.Resampling.BICUBIC))
    return {int(area): np.median(pixels[labels == area], 0) for area in np.unique(labels)
            if area and (labels == area).sum() >= LEAST}

"""How a sketch's lines were drawn and scanned: thin or bold, grey, of pencil, broken, drawn twice, soft or hard."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

LEAST, MOST = 0.5, 6.0  # px of a picture of 256 px
SIDE = 256  # px, which lengths are given for
VARIED = 0.5  # share of sketches that are not bold, black and clean, as the drawings themselves are


@dataclass(frozen=True)
class LineStyle:
    """Lengths in px of a picture of 256 px; 0 = not so. The default is what a drawing has."""

    width: float = 0.0  # of most strokes; 0 = the drawing's own
    spread: float = 0.0  # strokes differ by up to a factor e^spread either way
    wobble: float = 0.0  # sketch and picture alike are bent by so much
    second: float = 0.0  # every line is drawn again, off by up to so much
    again: float = 0.0  # how dark those are, in [0, 1]
    gaps: float = 0.0  # share of the paper where lines are missing
    darkness: float = 1.0
    pressure: float = 0.0  # by how much the darkness falls along a line
    grain: float = 0.0  # of a pencil: by how much it falls from pixel to pixel
    blur: float = 0.0  # standard deviation
    hard: float = 0.0  # share of ink from which a pixel is black; 0 = soft
    paper: float = 0.0  # how grey and how noisy the paper is, in [0, 1]

    @classmethod
    def draw(cls, rng: random.Random, plain: bool | None = None) -> LineStyle:
        """A random one; plain: the default or not, None: VARIED decides."""
        if rng.random() >= VARIED if plain is None else plain:
            return cls()

        def sometimes(share: float, low: float, high: float, otherwise: float = 0.0) -> float:
            value, chosen = rng.uniform(low, high), rng.random() < share
            return value if chosen else otherwise

        width = math.exp(rng.uniform(math.log(LEAST), math.log(MOST)))
        return cls(
            width=width, spread=sometimes(0.3, 0.1, 0.4), wobble=sometimes(0.15, 0.5, 1.5),
            second=sometimes(0.18, 0.8, 2.2), again=rng.uniform(0.4, 1.0), gaps=sometimes(0.25, 0.02, 0.1),
            darkness=sometimes(0.45, 0.25, 0.9, 1.0), pressure=sometimes(0.3, 0.2, 0.6),
            grain=sometimes(0.25, 0.2, 0.7), blur=sometimes(0.25, 0.3, 0.9), hard=sometimes(0.12, 0.2, 0.45),
            paper=sometimes(0.15, 0.2, 1.0))

    def bend(self, pictures: list[Image.Image], rng: random.Random) -> list[Image.Image]:
        """All of one size, bent alike; as they are without a wobble."""
        if not self.wobble:
            return pictures
        seed = rng.random()
        return [_bent(picture, self.wobble, random.Random(seed)) for picture in pictures]

    def sketch(self, lines: Image.Image, rng: random.Random) -> Image.Image:
        """L, black lines on white -> the same drawn in this style."""
        if self == LineStyle():
            return lines
        noise, side = np.random.default_rng(rng.getrandbits(32)), lines.width
        ink = 1 - np.asarray(lines, dtype=np.float32) / 255
        if self.second:
            other = 1 - np.asarray(_bent(lines, self.second, rng), dtype=np.float32) / 255
            ink = np.maximum(ink, self.again * other)
        if self.gaps:
            where = _field(noise, side, 26)
            ink = ink * (where > np.quantile(where, self.gaps))
        if self.blur:
            soft = _grey(ink).filter(ImageFilter.GaussianBlur(self.blur * side / SIDE))
            ink = 1 - np.asarray(soft, dtype=np.float32) / 255
        if self.hard:
            ink = (ink >= min(self.hard, 0.5 * float(ink.max()))).astype(np.float32)
        ink = self.darkness * ink
        if self.pressure:
            ink = ink * (1 - self.pressure * _field(noise, side, 6))
        if self.grain:
            ink = ink * (1 - self.grain * noise.random(ink.shape, dtype=np.float32))
        if self.paper:
            grey = 0.08 * self.paper + 0.015 * self.paper * noise.standard_normal(ink.shape, dtype=np.float32)
            ink = ink + (1 - ink) * grey
        return _grey(ink)


def _grey(ink: np.ndarray) -> Image.Image:
    """[S, S] in [0, 1], 1 = black -> L."""
    return Image.fromarray((255 * (1 - ink)).round().clip(0, 255).astype(np.uint8))


def _field(noise: np.random.Generator, side: int, waves: int) -> np.ndarray:
    """[side, side] in [0, 1], smooth, with about `waves` hills across."""
    coarse = Image.fromarray(noise.random((waves, waves), dtype=np.float32))
    return np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC)).clip(0, 1)


def _bent(picture: Image.Image, amplitude: float, rng: random.Random, cells: int = 8) -> Image.Image:
    """Moved by up to `amplitude` px (of 256), differently at every corner of a grid; the border stays."""
    side = picture.width
    places = [side * i // cells for i in range(cells + 1)]
    far = amplitude * side / SIDE

    def corner(i: int, j: int) -> tuple[float, float]:
        inner = 0 < i < cells and 0 < j < cells
        return (places[i] + moves[i, j][0], places[j] + moves[i, j][1]) if inner else (places[i], places[j])

    moves = {(i, j): (rng.uniform(-far, far), rng.uniform(-far, far)) for i in range(cells + 1)
             for j in range(cells + 1)}
    mesh = []
    for i in range(cells):
        for j in range(cells):
            quad = [n for a, b in ((i, j), (i, j + 1), (i + 1, j + 1), (i + 1, j)) for n in corner(a, b)]
            mesh.append(((places[i], places[j], places[i + 1], places[j + 1]), tuple(quad)))
    return picture.transform(picture.size, Image.Transform.MESH, mesh, Image.Resampling.BICUBIC)

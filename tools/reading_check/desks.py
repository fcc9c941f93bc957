"""Photos of a sheet on a desk, made by code: five desks, five lights, three angles, grain and a blur."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

SIZE = (1200, 900)  # of a photo, pixels
DESKS = ("dark", "light", "wood", "cloth", "granite")
LIGHTS = ("even", "vignette", "lamp", "shadow", "dim")
ANGLES = {  # corners of the sheet in the photo, as shares of its sides: from the top left one on, clockwise
    "turned": ((0.17, 0.25), (0.73, 0.14), (0.82, 0.73), (0.24, 0.86)),
    "from below": ((0.28, 0.14), (0.73, 0.16), (0.88, 0.87), (0.13, 0.84)),
    "aslant": ((0.30, 0.08), (0.90, 0.30), (0.71, 0.90), (0.08, 0.62)),
}
BEYOND = {  # the same of sheets that the photo does not hold
    "beyond, right": ((0.2, 0.15), (1.15, 0.08), (1.2, 0.95), (0.15, 0.85)),
    "beyond, right and below": ((0.15, 0.2), (1.12, 0.12), (1.25, 1.2), (0.05, 1.15)),
    "beyond, left and right": ((-0.1, 0.15), (1.12, 0.10), (1.15, 0.85), (-0.12, 0.9)),
    "beyond, a corner": ((0.12, 0.1), (0.9, -0.2), (1.1, 0.8), (0.25, 0.95)),
    "beyond, turned": ((0.3, 0.2), (1.2, 0.5), (0.9, 1.4), (-0.05, 1.1)),
}


@dataclass(frozen=True)
class Photo:
    """desk, light, angle: of the tables above; image: the photo."""

    desk: str
    light: str
    angle: str
    image: Image.Image


def photos(drawing: Image.Image, desk: str) -> Iterator[Photo]:
    """The fifteen of one drawing on a desk; seeded, so that they are the same each time."""
    for angle, light in itertools.product(ANGLES, LIGHTS):
        yield Photo(desk, light, angle, photo(drawing, desk, light, angle))


def photo(drawing: Image.Image, desk: str, light: str, angle: str) -> Image.Image:
    """One of them."""
    rng = np.random.default_rng([*map(ord, desk + light + angle)])
    return _shot(_laid(drawing, _desk(desk), angle) * _light(light), rng)


def _laid(drawing: Image.Image, desk: np.ndarray, angle: str) -> np.ndarray:
    """The sheet on the desk with its soft shadow: [h, w, 3] in [0, 1]."""
    w, h = SIZE
    corners = [(x * w, y * h) for x, y in (ANGLES | BEYOND)[angle]]
    paper = Image.new("RGB", (drawing.width + 2, drawing.height + 2), (244, 242, 238))
    grey = np.asarray(drawing.convert("L"), dtype=np.float32)[..., None] / 255
    ink = np.asarray((58, 58, 62), dtype=np.float32)
    paper.paste(Image.fromarray(np.uint8(grey * np.asarray((244, 242, 238)) + (1 - grey) * ink)), (1, 1))
    inner = _warped(paper, corners)
    cover = _warped(Image.new("L", paper.size, 255), corners)[..., None] / 255
    soft = np.roll(_blurred(cover[..., 0].astype(np.float64), 7), (5, 4), (0, 1))[..., None]
    laid: np.ndarray = cover * inner / 255 + (1 - cover) * desk * (1 - 0.35 * soft)
    return laid


def _warped(picture: Image.Image, corners: list[tuple[float, float]]) -> np.ndarray:
    """The picture with its corners at those places, nothing around."""
    w, h = picture.size
    rows, values = [], []
    for (x, y), (u, v) in zip(corners, ((0, 0), (w, 0), (w, h), (0, h))):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    terms = np.linalg.solve(np.array(rows), np.array(values))
    out = picture.transform(SIZE, Image.Transform.PERSPECTIVE, tuple(terms), Image.Resampling.BICUBIC)
    return np.asarray(out, dtype=np.float32)


def _desk(name: str) -> np.ndarray:
    """[h, w, 3] in [0, 1]."""
    w, h = SIZE
    y, x = np.mgrid[:h, :w].astype(np.float32)
    rng = np.random.default_rng(7)
    if name == "wood":
        wave = y + 9 * np.sin(x / 90) + 25 * np.sin(y / 260)
        grain = 0.5 + 0.3 * np.sin(wave / 5) + 0.2 * np.sin(wave / 1.9 + x / 200)
        boards = 1 - 0.5 * (np.abs(y % 230 - 115) > 112)
        return np.asarray(np.asarray((0.55, 0.36, 0.2)) * (0.7 + 0.35 * grain[..., None]) * boards[..., None])
    if name == "cloth":
        across, down = (x // 45 % 2)[..., None], (y // 45 % 2)[..., None]
        return np.asarray((1 - (across + down) / 2 * np.asarray((0.15, 0.75, 0.7))) * 0.95)
    if name == "granite":
        coarse = np.kron(rng.random((h // 6 + 1, w // 6 + 1)), np.ones((6, 6)))[:h, :w]
        return np.repeat((0.25 + 0.4 * _blurred(coarse, 2))[..., None], 3, -1)
    tone = {"dark": (0.24, 0.18, 0.14), "light": (0.84, 0.80, 0.73)}[name]
    return np.asarray(np.asarray(tone) * (1 + 0.02 * np.sin(x / 37))[..., None])


def _light(name: str) -> np.ndarray:
    """[h, w, 3] that the scene is multiplied by."""
    w, h = SIZE
    y, x = np.mgrid[:h, :w].astype(np.float32)
    x, y = x / w - 0.5, y / h - 0.5
    if name == "vignette":
        field = 1 - 0.9 * (x**2 + y**2)
    elif name == "lamp":
        near = np.exp(-((x + 0.3) ** 2 + (y + 0.3) ** 2) / 0.35)
        return np.asarray((0.45 + 0.6 * near)[..., None] * np.asarray((1, 0.86, 0.62)))
    elif name == "shadow":  # of a hand and an arm, from the lower right
        edge = 1 / (1 + np.exp(-(x * 0.8 + y * 0.6 - 0.12) / 0.012))
        field = 0.95 - 0.42 * edge
    elif name == "dim":
        return np.asarray((0.42 + 0.12 * x)[..., None] * np.asarray((0.86, 0.94, 1.0)))
    else:
        field = np.full_like(x, 0.96)
    return np.repeat(field[..., None], 3, -1)


def _blurred(grey: np.ndarray, radius: int) -> np.ndarray:
    """A box of 2 radius + 1, twice."""
    for axis in (0, 1, 0, 1):
        sums = np.cumsum(np.pad(grey, [(radius + 1, radius) if axis == k else (0, 0) for k in (0, 1)], "edge"), axis)
        width = 2 * radius + 1
        grey = (np.take(sums, range(width, sums.shape[axis]), axis)
                - np.take(sums, range(sums.shape[axis] - width), axis)) / width
    return grey


def _shot(scene: np.ndarray, rng: np.random.Generator) -> Image.Image:
    """Lens and sensor: a blur of a pixel, grain of 2.5 in 255."""
    soft = np.stack([(_blurred(scene[..., i], 1) + scene[..., i]) / 2 for i in range(3)], -1)
    return Image.fromarray(np.uint8(np.clip(soft * 255 + rng.normal(0, 2.5, soft.shape), 0, 255)))

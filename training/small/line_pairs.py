"""Pictures and the lines that a person would draw of them, for the learned line extractor: SVGs, painted in many ways.

Of a drawing with lines the lines are black, dark, coloured or not there at all (then its contours are asked for), on
plain, graded or patterned grounds, shaded, with dot tone, faint, dark, inside out, soft, noisy, or a pencil sketch
without colours. Dots and grounds are never lines, and of black areas the contours alone, but in a sketch.
"""

from __future__ import annotations

import io
import math
import random
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter
from scipy.ndimage import grey_erosion, grey_opening

from training.small import recolour
from training.small.colour import rgb_of
from training.small.drawings import Drawing
from training.small.dress import choose
from training.small.figures import View
from training.small.line_styles import LineStyle
from training.small.rasterize import rasterize
from training.small.strokes import scale_each_stroke, usual_width

LUMA = np.array([0.299, 0.587, 0.114])
LEAST_WIDTH, MOST_WIDTH = 0.8, 6.0  # px of a line
CONTOUR = 2.0  # px of a line that is drawn where the picture has none
AREA = 13  # px: a mark that is as wide is an area
BARE = 0.45  # share of pictures without lines
NEAR, FAR = 2.0, 0.35  # how large a drawing may be seen, of the window's side


@dataclass(frozen=True)
class LinePair:
    """picture: [S, S, 3]; lines: [S, S], white on black; both uint8."""

    picture: np.ndarray
    lines: np.ndarray


def draw_line_pair(drawing: Drawing, size: int, rng: random.Random) -> LinePair:
    """One picture of a drawing, of size x size px, and its lines; a pure function of its arguments."""
    noise = np.random.default_rng(rng.getrandbits(32))
    zoom = math.exp(rng.uniform(math.log(FAR), math.log(NEAR)))
    room = max(0.06, abs(0.5 / zoom - 0.5))
    view = View(1.0, zoom, rng.uniform(-room, room), rng.uniform(-room, room), rng.random() < 0.5)
    bare = rng.random() < BARE
    px = CONTOUR if bare else math.exp(rng.uniform(math.log(LEAST_WIDTH), math.log(MOST_WIDTH)))
    usual = usual_width(drawing.svg)
    times = min(max(px / (usual * size * zoom), 0.02), 4.0) if usual else 1.0
    lines = _seen(scale_each_stroke(drawing.lines, lambda chance: times), view, size)
    paper = Image.new("RGBA", (size, size), "white")
    paper.alpha_composite(lines)
    ink = 255 - np.asarray(paper.convert("L"))
    if rng.random() < 0.15:
        sketch = LineStyle.draw(rng, plain=False).sketch(Image.fromarray(255 - ink), rng)
        picture = np.repeat(np.asarray(sketch)[..., None], 3, axis=2).astype(np.float32) / 255
    else:
        picture = _painted(drawing, view, 0.0 if bare else times, size, rng, noise)
        ink = outlined(ink)
    return LinePair(_worn(picture, rng, noise), ink)


def outlined(ink: np.ndarray) -> np.ndarray:
    """[S, S] uint8, of areas the contours alone: in a painted picture black hair is a colour, not a line."""
    areas = grey_opening(ink, AREA)
    contours: np.ndarray = np.maximum(ink - areas, areas - grey_erosion(areas, 5))
    return contours


def _seen(svg: str, view: View, size: int) -> Image.Image:
    picture = rasterize(recolour.reframe(svg, view.zoom, view.dx, view.dy), size)
    if picture.size != (size, size):
        picture = picture.resize((size, size), Image.Resampling.LANCZOS)
    return picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if view.mirrored else picture


def _painted(
    drawing: Drawing, view: View, times: float, size: int, rng: random.Random, noise: np.random.Generator,
) -> np.ndarray:
    """[S, S, 3] in [0, 1]; times: of stroke widths, 0 = without strokes."""
    dress = choose(drawing, rng, False)
    tint = _tint(rng) if not times else str
    colours = {placeholder: tint(dress.parts[part]) for part, listed in drawing.parts.items() for placeholder in listed}
    if times and rng.random() < 0.5:
        colours["#000000"] = _line_colour(rng)
    svg = recolour.recolour(drawing.svg, colours)
    svg = scale_each_stroke(svg, lambda chance: times) if times else _without_strokes(svg)
    figure = np.asarray(_seen(svg, view, size), dtype=np.float32) / 255
    alpha = figure[..., 3:]
    ground = _ground(rgb_of(tint(dress.background[0])), size, rng, noise)
    shade = _shading(size, rng, noise)
    painted: np.ndarray = (figure[..., :3] * shade) * alpha + ground * (1 - alpha)
    return painted


def _tint(rng: random.Random) -> Callable[[str], str]:
    """What all colours of a picture without lines go through: nothing, darkness, or one and the same lightness."""
    kind, level = rng.random(), rng.uniform(60, 200)
    dark = rng.uniform(0.08, 0.5)

    def changed(colour: str) -> str:
        rgb = np.asarray(rgb_of(colour), dtype=np.float64)
        if kind < 0.3:
            rgb = rgb * dark
        elif kind < 0.5:
            rgb = rgb + (level - rgb @ LUMA) * rng.uniform(0.8, 1.0)
        return "#%02x%02x%02x" % tuple(round(float(value)) for value in rgb.clip(0, 255))

    return changed


def _line_colour(rng: random.Random) -> str:
    """Dark, of any hue; now and then white, as on a blackboard."""
    if rng.random() < 0.1:
        return "#ffffff"
    most = rng.uniform(20, 130)
    return "#%02x%02x%02x" % tuple(round(rng.uniform(0, most)) for _ in range(3))


def _without_strokes(svg: str) -> str:
    return re.sub(r"(stroke\s*=\s*\")[^\"]*(?=\")", r"\g<1>none", svg)


def _field(noise: np.random.Generator, size: int, waves: int) -> np.ndarray:
    """[S, S, 1] in [0, 1], smooth."""
    coarse = Image.fromarray(noise.random((waves, waves), dtype=np.float32))
    return np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC)).clip(0, 1)[..., None]


def _shading(size: int, rng: random.Random, noise: np.random.Generator) -> np.ndarray:
    """[S, S, 1], what the figure's colours are multiplied by: soft shade, dot tone in part of it, or nothing."""
    shade: np.ndarray = np.ones((size, size, 1), np.float32)
    if rng.random() < 0.4:
        shade = shade * (1 - rng.uniform(0.1, 0.5) * _field(noise, size, rng.randint(2, 6)))
    if rng.random() < 0.3:
        where = _field(noise, size, rng.randint(2, 5)) > rng.uniform(0.3, 0.6)
        shade = shade * (1 - rng.uniform(0.4, 1.0) * where * _tone(size, rng))
    return shade


def _tone(size: int, rng: random.Random) -> np.ndarray:
    """[S, S, 1] in [0, 1]: dots, or rarely lines too close to be told apart, of a period of 2.5 to 13 px."""
    lines = rng.random() < 0.25
    period, angle = rng.uniform(1.6, 2.6) if lines else rng.uniform(2.5, 13), rng.uniform(0, math.pi)
    y, x = np.ogrid[:size, :size]
    u, v = (math.cos(angle) * x + math.sin(angle) * y) / period, (math.cos(angle) * y - math.sin(angle) * x) / period
    distance = np.abs(u % 1 - 0.5) if lines else np.hypot(u % 1 - 0.5, v % 1 - 0.5)
    radius = rng.uniform(0.15, 0.45)
    tone = ((radius - distance) * period + 0.5).clip(0, 1).astype(np.float32)
    return np.broadcast_to(tone, (size, size))[..., None]


def _ground(colour: np.ndarray, size: int, rng: random.Random, noise: np.random.Generator) -> np.ndarray:
    """[S, S, 3] in [0, 1]: what is behind a figure."""
    plain = np.broadcast_to(np.asarray(colour, dtype=np.float32) / 255, (size, size, 3))
    kind = rng.random()
    if kind < 0.1:
        return np.full((size, size, 3), rng.uniform(0, 0.2), np.float32)
    if kind < 0.5:
        return plain
    if kind < 0.7:
        return plain * (1 - rng.uniform(0.1, 0.7) * _field(noise, size, rng.randint(2, 5)))
    if kind < 0.85:
        return plain * (1 - rng.uniform(0.1, 0.9) * _tone(size, rng))
    cloud = np.concatenate([_field(noise, size, rng.randint(3, 9)) for _ in range(3)], axis=2)
    return cloud * rng.uniform(0.3, 1.0)


def _worn(picture: np.ndarray, rng: random.Random, noise: np.random.Generator) -> np.ndarray:
    """[S, S, 3] uint8: unevenly lit, darkened or paled, inside out, soft, noisy, through JPEG."""
    picture = picture.clip(0, 1)
    if rng.random() < 0.3:
        picture = picture * (1 - rng.uniform(0.1, 0.6) * _field(noise, picture.shape[0], rng.randint(2, 4)))
    if rng.random() < 0.3:
        low, high = rng.uniform(0, 0.3), rng.uniform(0.35, 1.0)
        picture = low + picture * (high - low)
    if rng.random() < 0.12:
        picture = 1 - picture
    if rng.random() < 0.25:
        picture = picture + noise.normal(0, rng.uniform(0.005, 0.05), picture.shape).astype(np.float32)
    image = Image.fromarray((picture.clip(0, 1) * 255).round().astype(np.uint8))
    if rng.random() < 0.3:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.2)))
    if rng.random() < 0.2:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=rng.randint(35, 95))
        image = Image.open(file).convert("RGB")
    return np.asarray(image)

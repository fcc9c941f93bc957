"""Pairs as the shipped model is trained on: half plain ones, half with other lines, finer drawings, fuller pages."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from training.small import recolour
from training.small.drawings import PARTS, Drawing
from training.small.dress import Dress, backdrop, choose
from training.small.figures import View
from training.small.labelled_drawings import CELL, CLASSES, NOBODY
from training.small.line_styles import SIDE, LineStyle
from training.small.pair_choice import PairMix, Sized, answer, choose_pair
from training.small.strokes import scale_each_stroke, usual_width

BUSY = 0.4  # share of references with a pattern behind them
MIX = (  # more pairs across styles, and of things, than build_pairs has: names of parts must not depend on the style
    PairMix(0.20, "avatars", "avatars"), PairMix(0.22, "figures", "figures"), PairMix(0.10, "figures", "avatars"),
    PairMix(0.08, "avatars", "figures"), PairMix(0.14, "things", "things"), PairMix(0.06, "things", "everyone"),
    PairMix(0.06, "everyone", "things"), PairMix(0.14, "everyone", "same"))
FULL = 0.2  # share of pages with other lines that hold several drawings
LEANING = 0.4  # share of drawings of other proportions than they were drawn in: few hands drew them
TURN, STRETCH, SLANT = 0.2, 0.25, 0.15  # at most: radians, natural logarithm of width over height, sideways by height
CLEAREST = 1.0  # px of 256: a line of the picture is painted at least so wide


@dataclass(frozen=True)
class VariedPair:
    """color, reference: [S, S, 3]; sketch: [S, S]; labels: [S/4, S/4], what the reference's cells are; all uint8."""

    color: np.ndarray
    sketch: np.ndarray
    reference: np.ndarray
    labels: np.ndarray


def draw_varied(number: int, named: dict[str, list[Sized]], size: int, seed: int) -> VariedPair:
    """A pure function of its arguments."""
    rng = random.Random(f"varied {seed}:{number}")
    sketch, reference = choose_pair(rng, named, MIX)
    dress = choose(reference.drawing, rng, rng.random() < BUSY)
    style = LineStyle.draw(rng)
    page = [(sketch, (0, 0, size))]
    if style.width and sketch is not reference and rng.random() < FULL:
        page = _full_page([sketch, *(choose_pair(rng, named, MIX)[0] for _ in range(3))], size, rng)
    color, lines = _paint_page(page, reference, dress, style, size, rng)
    color, lines = style.bend([color, lines], rng)
    other = _reference(reference.drawing, dress, size, rng)
    return VariedPair(np.asarray(color), np.asarray(style.sketch(lines, rng)), other, label_cells(other, dress))


def _full_page(drawings: list[Sized], size: int, rng: random.Random) -> list[tuple[Sized, tuple[int, int, int]]]:
    """Two, three or four drawings with their places (left, top, side) in px."""
    half = size // 2
    places = rng.sample([(0, 0, half), (half, 0, half), (0, half, half), (half, half, half)], rng.randint(2, 4))
    return list(zip(drawings, places))


def _paint_page(
    page: list[tuple[Sized, tuple[int, int, int]]], reference: Sized, dress: Dress, style: LineStyle, size: int,
    rng: random.Random,
) -> tuple[Image.Image, Image.Image]:
    """The picture, RGB, and its line art, L, before the style's own marks."""
    answers = [answer(sized, reference, dress, rng) for sized, _ in page]
    color = backdrop(answers[0], size, rng).convert("RGBA")
    paper = Image.new("RGBA", (size, size), "white")
    for (sized, (left, top, side)), worn in zip(page, answers):
        view, drawing = _view(style, rng, len(page) > 1), sized.drawing
        px = style.width * size / SIDE
        shown = recolour.recolour(drawing.svg, _colours(drawing, worn))
        least = max(px, CLEAREST * size / SIDE) if px else 0.0
        color.alpha_composite(view.of(_restroked(shown, drawing, least, view, side, style.spread), side), (left, top))
        lines = _restroked(drawing.lines, drawing, px, view, side, style.spread)
        paper.alpha_composite(view.of(lines, side), (left, top))
    return color.convert("RGB"), paper.convert("L")


def _view(style: LineStyle, rng: random.Random, small: bool) -> View:
    """As the benchmark's for the drawings' own lines; else often from farther away, at any place of the paper."""
    view = replace(View.draw(rng), lean=lean(rng))
    if not style.width:
        return view
    far = not small and rng.random() < 0.5
    zoom = math.exp(rng.uniform(math.log(0.35), math.log(1.1))) if far else view.zoom
    room = max(0.06, 0.5 / zoom - 0.45)
    return View(1.0, zoom, rng.uniform(-room, room), rng.uniform(-room, room), view.mirrored, view.lean)


def lean(rng: random.Random) -> tuple[float, float, float, float] | None:
    """For `View`; None = as it was drawn."""
    if rng.random() >= LEANING:
        return None
    turn, slant = rng.uniform(-TURN, TURN), rng.uniform(-SLANT, SLANT)
    wide = math.exp(0.5 * rng.uniform(-STRETCH, STRETCH))
    cos, sin = math.cos(turn), math.sin(turn)  # turned after it was slanted and stretched
    return cos * wide, sin * wide, cos * slant - sin / wide, sin * slant + cos / wide


def _restroked(svg: str, drawing: Drawing, px: float, view: View, side: int, spread: float) -> str:
    """The SVG with strokes of about so many px in a picture of so many px; as it is for 0 px, or without strokes."""
    usual = usual_width(drawing.svg)
    if not px or not usual:
        return svg
    times = min(max(px / (usual * side * view.zoom), 0.03), 3.0)
    return scale_each_stroke(svg, lambda chance: times * math.exp(spread * (2 * chance - 1)))


def _colours(drawing: Drawing, dress: Dress) -> dict[str, str]:
    return {placeholder: dress.parts[part] for part, listed in drawing.parts.items() for placeholder in listed}


def _reference(drawing: Drawing, dress: Dress, size: int, rng: random.Random) -> np.ndarray:
    """[S, S, 3] uint8: often nearer or farther, and with thinner lines, than a sketch is drawn."""
    view = replace(View.draw(rng), zoom=rng.uniform(0.65, 1.1), strokes=rng.choice((1.0, 0.8, rng.uniform(0.2, 1.0))),
                   lean=lean(rng))
    picture = backdrop(dress, size, rng).convert("RGBA")
    picture.alpha_composite(view.of(recolour.recolour(drawing.svg, _colours(drawing, dress)), size))
    return np.asarray(picture.convert("RGB"))


def label_cells(picture: np.ndarray, dress: Dress) -> np.ndarray:
    """[S/4, S/4] uint8: an index into CLASSES where a cell has exactly the colour of one class alone, else NOBODY.

    picture: [S, S, 3], a drawing in that dress. Nothing has to be drawn again for it: every colour has one meaning.
    """
    cells = picture[CELL // 2::CELL, CELL // 2::CELL].astype(np.int32)
    codes = (cells[..., 0] << 16) | (cells[..., 1] << 8) | cells[..., 2]
    meaning: dict[str, set[int]] = {}
    for colour in dress.background:
        meaning.setdefault(colour, set()).add(0)
    for part, colour in dress.parts.items():
        meaning.setdefault(colour, set()).add(CLASSES.index(part if part in PARTS else "other"))
    labels = np.full(codes.shape, NOBODY, np.uint8)
    for colour, classes in meaning.items():
        if len(classes) == 1:
            labels[codes == int(colour[1:], 16)] = min(classes)
    return labels

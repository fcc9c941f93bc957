"""Lines as people draw them and the sketches of training are not: hair-thin, grey, broken, drawn twice."""

from __future__ import annotations

import random
import re
import statistics
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageChops, ImageDraw

from training.small.drawings import Drawing
from training.small.figures import View

SURE = 1.5  # px: a black line of this width is dark in its middle wherever it falls on the grid
GAP = (2.0, 5.0)  # px, half a gap


@dataclass(frozen=True)
class Wear:
    """One way that lines are hard to read; all sizes in px of the sketch, each drawn from its range."""

    width: tuple[float, float]
    ink: tuple[float, float] = (1.0, 1.0)  # 1 = black, 0 = paper
    gaps: float = 0.0  # share of the line's pixels that is missing
    apart: tuple[float, float] = (0.0, 0.0)  # between a line and its double; 0 = no double


@dataclass(frozen=True)
class WornLines:
    """sketch: L, what is coloured; lines: L, black and whole, where its lines run."""

    sketch: Image.Image
    lines: Image.Image


def strokes_of(drawing: Drawing) -> list[float]:
    """Their widths in units of the drawing; none when its lines are drawn as black areas, whose width is fixed."""
    return [float(width) for width in re.findall(r"stroke-width\s*[=:]\s*\"?\s*([0-9.]+)", drawing.lines)]


def widened(drawing: Drawing, view: View, width: float, size: int) -> View:
    """The view in which most strokes of a drawing, which has some, are `width` px wide."""
    box = re.search(r"viewBox\s*=\s*\"[-0-9.]+[ ,]+[-0-9.]+[ ,]+([0-9.]+)[ ,]+([0-9.]+)", drawing.lines)
    assert box is not None, f"{drawing.name}: the sources have a viewBox, by which views are framed too"
    pixels = size * view.zoom / max(float(box[1]), float(box[2]))  # of a unit of the drawing
    return replace(view, strokes=width / (statistics.median(strokes_of(drawing)) * pixels))


def wear_down(drawing: Drawing, view: View, width: float, wear: Wear, size: int, rng: random.Random) -> WornLines:
    """view: as `widened` made it for `width`."""
    sketch = drawn(drawing, view, size)
    if wear.apart[1]:
        step, angle = rng.uniform(*wear.apart) / (size * view.zoom), rng.uniform(0, 2 * np.pi)
        moved = replace(view, dx=view.dx + step * np.cos(angle), dy=view.dy + step * np.sin(angle))
        sketch = ImageChops.darker(sketch, drawn(drawing, moved, size))
    ink = rng.uniform(*wear.ink)
    sketch = sketch.point([round(255 - ink * (255 - value)) for value in range(256)])
    if wear.gaps:
        sketch = break_lines(sketch, wear.gaps, rng)
    return WornLines(sketch, drawn(drawing, widened(drawing, view, max(width, SURE), size), size))


def drawn(drawing: Drawing, view: View, size: int) -> Image.Image:
    """Its line art, L, black on white."""
    paper = Image.new("RGBA", (size, size), "white")
    paper.alpha_composite(view.of(drawing.lines, size))
    return paper.convert("L")


def break_lines(sketch: Image.Image, share: float, rng: random.Random) -> Image.Image:
    """Round holes on lines until `share` of the line pixels is gone."""
    broken = sketch.copy()
    ys, xs = np.nonzero(np.asarray(sketch) < 255)
    while len(xs) and (np.asarray(broken)[ys, xs] == 255).mean() < share:
        at, radius = rng.randrange(len(xs)), rng.uniform(*GAP)
        x, y = float(xs[at]), float(ys[at])
        ImageDraw.Draw(broken).ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return broken

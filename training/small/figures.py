"""A drawing in chosen colours on a chosen background, with the region of each part read off renderings."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from lib_colorize.errors import ColorizeError
from training.metrics import leak
from training.small import recolour
from training.small.drawings import PARTS, Drawing
from training.small.dress import Dress, backdrop
from training.small.rasterize import rasterize

WHOLLY = 0.98  # share of its part's colour that a pixel must have to belong to the part
BACKGROUND = 255  # label; 0 is nobody's pixel (lines, edges, shades), 1.. are the parts in order
LEAST_PART = 0.005  # of the picture: a smaller part is not asked about, nor its colour in a reference


@dataclass(frozen=True)
class View:
    """How an SVG is seen: stroke widths times `strokes`, zoomed, moved by parts of its width, mirrored; `lean` as
    `recolour.leaned` has it.
    """

    strokes: float
    zoom: float
    dx: float
    dy: float
    mirrored: bool
    lean: tuple[float, float, float, float] | None = None

    @classmethod
    def draw(cls, rng: random.Random) -> View:
        return cls(rng.uniform(0.6, 1.1), rng.uniform(0.85, 1.1), rng.uniform(-0.06, 0.06), rng.uniform(-0.06, 0.06),
                   rng.random() < 0.5)

    def of(self, svg: str, size: int) -> Image.Image:
        """RGBA, size x size px."""
        drawn = recolour.scale_strokes(svg, self.strokes)
        drawn = drawn if self.lean is None else recolour.leaned(drawn, self.lean)
        seen = recolour.reframe(drawn, self.zoom, self.dx, self.dy)
        picture = rasterize(seen, size).resize((size, size), Image.Resampling.LANCZOS)
        return picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if self.mirrored else picture


FRONT = View(1.0, 1.0, 0.0, 0.0, False)  # as it was drawn


@dataclass(frozen=True)
class Dressed:
    """color: RGB; sketch: L, black lines on white; labels: [S, S] uint8; names: parts in the order of their labels."""

    color: Image.Image
    sketch: Image.Image
    labels: np.ndarray
    names: tuple[str, ...]


def number_of(label: str, names: tuple[str, ...]) -> int:
    """The value in `labels` of "background" or of one of the parts `names`."""
    return BACKGROUND if label == "background" else 1 + names.index(label)


def require_drawable(count: int, size: int) -> None:
    """ColorizeError for a number of pairs, or a size in px, that nothing can be drawn with."""
    if count < 1 or size < 32:
        raise ColorizeError(f"--pairs {count}, --size {size}: expected at least 1 pair of at least 32 px")


def paint(drawing: Drawing, dress: Dress, view: View, size: int, rng: random.Random) -> tuple[Image.Image, Image.Image]:
    """The picture, RGB, and its line art, L."""
    color, sketch, _ = _render(drawing, dress, view, size, rng)
    return color, sketch


def _render(
    drawing: Drawing, dress: Dress, view: View, size: int, rng: random.Random,
) -> tuple[Image.Image, Image.Image, Image.Image]:
    """The picture, RGB, its line art, L, and the figure without a background, RGBA."""
    colours = {placeholder: dress.parts[part] for part, listed in drawing.parts.items() for placeholder in listed}
    figure = view.of(recolour.recolour(drawing.svg, colours), size)
    color = backdrop(dress, size, rng).convert("RGBA")
    color.alpha_composite(figure)
    paper = Image.new("RGBA", (size, size), "white")
    paper.alpha_composite(view.of(drawing.lines, size))
    return color.convert("RGB"), paper.convert("L"), figure


def draw_dressed(drawing: Drawing, dress: Dress, view: View, size: int, rng: random.Random) -> Dressed:
    """The picture, its line art, and whose every pixel is."""
    color, sketch, figure = _render(drawing, dress, view, size, rng)
    labels = np.zeros((size, size), np.uint8)
    labels[(np.asarray(figure)[..., 3] == 0) & leak.background(sketch)] = BACKGROUND
    for label, part in enumerate(drawing.parts, 1):
        labels[coverage(drawing, part, view, size) >= WHOLLY] = label
    return Dressed(color, sketch, labels, tuple(drawing.parts))


def with_clothes(drawing: Drawing, size: int = 72) -> Drawing:
    """An OpenMoji figure whose clothes are found: the colour that fills most of its lowest quarter.

    Only where that colour fills half of it at least, and where it is neither hair nor skin.
    """
    if not drawing.figure:
        return drawing
    parts = {part: coverage(drawing, part, FRONT, size) >= WHOLLY for part in drawing.parts}
    rows = np.flatnonzero(np.any(list(parts.values()), axis=(0, 2)))
    if not len(rows):
        return drawing
    lowest = rows[-1] - (rows[-1] - rows[0]) // 4
    areas = {part: int(region[lowest:].sum()) for part, region in parts.items()}
    widest = max(areas, key=lambda part: areas[part])
    if widest in PARTS or 2 * areas[widest] < sum(areas.values()):
        return drawing
    return replace(drawing, parts={"clothes" if part == widest else part: p for part, p in drawing.parts.items()})


def coverage(drawing: Drawing, part: str, view: View, size: int) -> np.ndarray:
    """[size, size] in [0, 1]: by how much each pixel changes when the part's colour goes from black to white."""
    seen = []
    for colour in ("#000000", "#ffffff"):
        mapping = {p: colour if name == part else "#808080" for name, listed in drawing.parts.items() for p in listed}
        canvas = Image.new("RGBA", (size, size), "white")
        canvas.alpha_composite(view.of(recolour.recolour(drawing.svg, mapping), size))
        seen.append(np.asarray(canvas, dtype=np.float64)[..., :3].mean(axis=2))
    found: np.ndarray = (seen[1] - seen[0]) / 255
    return found

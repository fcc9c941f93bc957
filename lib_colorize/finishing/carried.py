"""The colours of the last frame carried along by the lines: each area of a drawing gets those of the one it was before.

The whole drawing is aligned first (`alignment`), which says where each area would lie in the last frame. An area is the
one that it lies on most, or, where something moved by itself, the nearest free one of its size and shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

from .alignment import align
from .divided import DividedDrawing
from .finished import Finished
from .ink import laid_over

SAME = 0.5  # of both drawings' lines, that must lie on each other: with less it is another drawing
ON_IT = 0.4  # of an area, that must lie on its match
LARGER = 2.0  # times, by which one that moved may be larger or smaller
LONGER = 0.35  # by which its form may differ: of the logarithm of the ratio of its two main extents
FAR = 1.5  # of its extent, by which it may have moved


@dataclass(frozen=True)
class Carried:
    """colours: [h, w, 3] uint8, what is carried to `drawing`, without lines; found: [h, w] bool, in whose areas."""

    drawing: DividedDrawing
    colours: np.ndarray
    found: np.ndarray

    @property
    def picture(self) -> np.ndarray:
        """[h, w, 3] uint8, the drawing's lines over them."""
        return laid_over(self.drawing.ink, self.colours)

    def kept(self, painted: Image.Image) -> Image.Image:
        """What was made of the drawing, RGB or RGBA of any size, with the last one's colours in the areas found again.

        Both are compared without lines; what is darker than its area, lines and small shadows, stays so.
        """
        now = self.drawing.carried(painted.convert("RGB")).colours.astype(np.float32)
        moves = np.where(self.found[..., None], self.colours - now, 0)
        pixels = np.asarray(painted.convert("RGB"), np.float32)
        level = _resized(now.mean(2), painted.size)
        bright = np.clip(pixels.mean(2) / np.maximum(level, 1), 0, 1)
        moved = np.stack([pixels[..., c] + _resized(moves[..., c], painted.size) * bright for c in range(3)], -1)
        found = Image.fromarray(np.clip(np.rint(moved), 0, 255).astype(np.uint8))
        if painted.mode == "RGBA":
            found.putalpha(painted.getchannel("A"))
        return found


def carry_along(last: Finished, drawing: DividedDrawing) -> Carried | None:
    """last: the frame before, drawing: this one; of any sizes. None: it is another drawing.

    Where no area matches lie the colours of that place.
    """
    aligned = align(drawing.ink.alpha / np.float32(255), last.ink.alpha / np.float32(255))
    if aligned.agreement < SAME:
        return None
    there = aligned.sampled(last.labels, drawing.labels.shape)
    match = _matches(drawing.labels, there, last.labels)
    table = np.zeros(int(drawing.labels.max()) + 1, np.int32)
    table[list(match)] = list(match.values())
    wanted = table[drawing.labels]
    colours = aligned.sampled(last.colours, drawing.labels.shape)
    elsewhere = (wanted > 0) & (wanted != there)
    colours[elsewhere] = last.usual[wanted[elsewhere]]
    return Carried(drawing, colours, wanted > 0)


def _matches(labels: np.ndarray, there: np.ndarray, last: np.ndarray) -> Mapping[int, int]:
    """Area -> the last frame's. there: [h, w], the last frame's area at each pixel of this one, aligned."""
    count, others = int(labels.max()), int(last.max())
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    pairs = (labels.astype(np.int64) * (others + 1) + there).ravel()
    overlap = np.bincount(pairs, minlength=(count + 1) * (others + 1)).reshape(count + 1, others + 1)
    most = overlap.argmax(1)
    share = overlap[np.arange(count + 1), most] / np.maximum(sizes, 1)
    found = {area: int(most[area]) for area in range(1, count + 1) if share[area] >= ON_IT}
    moved = [area for area in range(1, count + 1) if area not in found and sizes[area]]
    if moved:
        shapes, theirs = _shapes(labels), _shapes(there)
        taken = set(found.values())
        free = [other for other in theirs if other not in taken]
        closest = sorted((apart, area, other) for area in moved for other in free
                       if (apart := _apart(shapes[area], theirs[other])) < FAR)
        for _, area, other in closest:
            if area not in found and other not in taken:
                found[area] = other
                taken.add(other)
    return found


def _resized(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """[h, w] -> [H, W] float32 of (width, height)."""
    how = Image.Resampling.BOX if size[0] < values.shape[1] else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(values.astype(np.float32)).resize(size, how))


@dataclass(frozen=True)
class _Shape:
    middle: np.ndarray  # px
    size: float  # px, square root of its area
    long: float  # logarithm of the ratio of its main extents


def _shapes(labels: np.ndarray) -> dict[int, _Shape]:
    found = {}
    for area, box in enumerate(ndimage.find_objects(labels), 1):
        if box is None:
            continue
        y, x = np.nonzero(labels[box] == area)
        middle = np.array([y.mean() + box[0].start, x.mean() + box[1].start])
        extents = np.linalg.eigvalsh(np.cov(np.stack([y, x])) + np.eye(2)) if len(y) > 2 else np.ones(2)
        found[area] = _Shape(middle, float(np.sqrt(len(y))), float(np.log(extents[1] / extents[0]) / 2))
    return found


def _apart(one: _Shape, other: _Shape) -> float:
    """How little two areas are the same one: 0, or infinite where size or form differ too much."""
    size, form = abs(np.log(one.size / other.size)), abs(one.long - other.long)
    if size > np.log(LARGER) / 2 or form > LONGER:
        return float("inf")
    return float(np.hypot(*(one.middle - other.middle)) / one.size + size + form)

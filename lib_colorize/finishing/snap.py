"""The colours of a small painting carried up to a large drawing: no colour crosses a line.

Joint bilateral upsampling (Kopf et al., SIGGRAPH 2007) lets a fine picture say where coarse colours may mix; here what
says so is whose area a pixel is (`areas`). In every area the colours that the painting has safely inside it, away from
lines by more than a pixel of its own, are spread to the area's edges by normalized convolution (Knutsson and Westin,
CVPR 1993): shading and gradients stay, what the model smeared across a line does not.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

from .areas import Areas
from .calming import calm_of, calmed, without_leaks
from .filling import filled_in
from .strips import THREADS, each_strip

SAFE = 1.2  # painting pixels from a line, from which on a colour is the area's own
NEAR = 0.3  # nearer than that it is the line's
FEWEST = 12  # cells; an area with fewer safe ones takes one colour
MOST = 1500  # areas that are looked at one by one; of more (hatching, screentone) the smaller ones take one colour
EVEN = 1.0  # of 255: a field that spans no more is one colour

Box = tuple[slice, slice]


@dataclass(frozen=True)
class Cells:
    """A painting laid on a grid of cells, two to its pixel; `step` px of the drawing each, of areas as at their middle.

    colours: [h, w, 3] float32; grid: [h, w] int32, areas; away: [h, w] float32, painting pixels from the nearest line;
    trust: [h, w] float32 in [0, 1], how much a colour is its area's own.
    """

    colours: np.ndarray
    grid: np.ndarray
    away: np.ndarray
    trust: np.ndarray
    step: int

    @classmethod
    def of(cls, painted: Image.Image, areas: Areas) -> Cells:
        cell = max(1, round(max(areas.labels.shape) / (2 * max(painted.size))))  # working px
        grid = areas.labels[cell // 2::cell, cell // 2::cell]
        finer = max(painted.size) / max(areas.labels.shape)  # its pixels are no larger than cells are then
        away = areas.away[cell // 2::cell, cell // 2::cell] * min(1.0, finer)
        trust = np.clip((away - NEAR) / (SAFE - NEAR), 0, 1) ** 2 + 1e-3 * np.clip(away, 0, SAFE)
        way = Image.Resampling.BICUBIC if finer < 1 else Image.Resampling.BOX  # which mixes no cell with its neighbours
        colours = np.asarray(painted.convert("RGB").resize(grid.shape[::-1], way), np.float32)
        return cls(colours, grid, away.astype(np.float32), trust.astype(np.float32), cell * areas.factor)


def carry_up(painted: Image.Image, areas: Areas, labels: np.ndarray) -> np.ndarray:
    """[H, W, 3] uint8: the painting's colours, without its lines, at the drawing's size. labels: of `full_labels`."""
    cells = Cells.of(painted, areas)
    calm = calm_of(cells.colours, cells.grid, cells.away)
    table = _single_colours(cells, areas, painted)
    safe = np.bincount(cells.grid[cells.trust > 0.5], minlength=areas.count + 1)
    least = max(FEWEST, np.sort(safe)[-MOST] if len(safe) > MOST else 0)
    boxes = [(number, box) for number, box in enumerate(ndimage.find_objects(cells.grid, areas.count), 1)
             if box is not None and safe[number] >= least][:MOST]

    def made(item: tuple[int, Box]) -> tuple[int, Box, np.ndarray]:
        return *item, area_field(cells, *item, calm)

    out = np.empty((*labels.shape, 3), np.uint8)
    with ThreadPoolExecutor(THREADS) as threads:
        uneven = []
        for number, box, field in threads.map(made, boxes):
            inside = field[cells.grid[box] == number]
            if (np.ptp(inside, 0) <= EVEN).all():
                table[number] = np.rint(np.clip(inside.mean(0), 0, 255))
            else:
                uneven.append((number, box, np.clip(np.rint(field), 0, 255).astype(np.uint8)))
        each_strip(labels, lambda rows: np.take(table, labels[rows], 0, out=out[rows]))
        list(threads.map(lambda each: _lay(out, labels, each[0], each[1], each[2], cells.step), uneven))
    return out


def area_field(cells: Cells, number: int, box: Box, calm: float) -> np.ndarray:
    """[h, w, 3] float32: the colours of an area over its box, beyond its edges too."""
    colours, away = cells.colours[box], cells.away[box]
    weight = np.where(cells.grid[box] == number, cells.trust[box], np.float32(0))
    weight = without_leaks(colours, weight, away)
    return calmed(filled_in(colours, weight), weight, calm)


def _single_colours(cells: Cells, areas: Areas, painted: Image.Image) -> np.ndarray:
    """[count + 1, 3] uint8: one colour for each area, weighted by trust; of one between the cells, what lies there."""
    places, most = cells.grid.ravel(), areas.count + 1
    weight = np.bincount(places, cells.trust.ravel(), most)
    sums = [np.bincount(places, (cells.trust * cells.colours[..., channel]).ravel(), most) for channel in range(3)]
    found = np.stack(sums, 1) / np.maximum(weight, 1e-9)[:, None]
    missing = np.flatnonzero(weight[1:] <= 1e-9) + 1
    if len(missing):
        pixels = np.asarray(painted.convert("RGB"))
        boxes = ndimage.find_objects(areas.labels)
        for number in missing:
            box = boxes[number - 1]
            y, x = ((part.start + part.stop - 1) / 2 / side for part, side in zip(box, areas.labels.shape))
            found[number] = pixels[int(y * pixels.shape[0]), int(x * pixels.shape[1])]
    return np.clip(np.rint(found), 0, 255).astype(np.uint8)


def _lay(out: np.ndarray, labels: np.ndarray, number: int, box: Box, field: np.ndarray, step: int) -> None:
    """Enlarge the field of one area and lay it onto its pixels, in strips; step: pixels of a cell.

    An area goes on beyond the middles of its cells, and a picture beyond its last cell: the field's edge does, too.
    """
    field = np.pad(field, ((1, 1), (1, 1), (0, 0)), mode="edge")
    top, left = ((side.start - 1) * step for side in box)
    (height, width), x = labels.shape, max(0, left)
    bottom, right = min(height, top + field.shape[0] * step), min(width, left + field.shape[1] * step)
    cells, rows = Image.fromarray(field), max(1, (1 << 20) // (right - x))
    for start in range(max(0, top), bottom, rows):
        end = min(bottom, start + rows)
        source = ((x - left) / step, (start - top) / step, (right - left) / step, (end - top) / step)
        large = np.asarray(cells.resize((right - x, end - start), Image.Resampling.BILINEAR, source))
        region = (slice(start, end), slice(x, right))
        np.copyto(out[region], large, where=(labels[region] == number)[..., None])

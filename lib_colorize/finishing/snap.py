"""The colours of a small painting carried up to a large drawing: no colour crosses a line.

Joint bilateral upsampling (Kopf et al., SIGGRAPH 2007) lets a fine picture say where coarse colours may mix; here what
says so is whose area a pixel is (`areas`). In every area the colours that the painting has safely inside it, away from
lines by more than a pixel of its own, are spread to the area's edges by normalized convolution (Knutsson and Westin,
CVPR 1993): shading and gradients stay, what the model smeared across a line does not.
"""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage

from .areas import INK, Areas
from .filling import filled_in

SAFE = 1.2  # painting pixels from a line, from which on a colour is the area's own
NEAR = 0.3  # nearer than that it is the line's
REACH = (3.0, 5.0)  # up to the first a colour of its own is a leak, from the second on it is meant
LEAK = 24.0  # of 255, distance from the colour that is meant
CALM = 16.0  # of 255: unevenness of an area that is less than that is the painting's, not meant
FEWEST = 12  # cells; an area with fewer safe ones takes one colour


def full_labels(areas: Areas, ink: np.ndarray) -> np.ndarray:
    """[H, W] int32: the area of each pixel of the drawing. ink: [H, W] uint8, at the drawing's own size.

    Lines are wider at the working size than they are: paper beside one joins the area that it touches on its own side.
    """
    factor, lines = areas.factor, ink >= INK * 255
    if factor == 1:
        return areas.labels
    h, w = lines.shape
    labels: np.ndarray = _enlarged(np.where(areas.lines, 0, areas.labels), factor)[:h, :w].copy()
    flat, paper = labels.reshape(-1), ~lines.reshape(-1)
    todo = np.flatnonzero((flat == 0) & paper)
    for _ in range(2 * factor):
        for step in (-1, 1, -w, w):
            beside = np.clip(todo + step, 0, len(flat) - 1)
            found = flat[beside]
            flat[todo] = np.where(found > 0, found, flat[todo])
        todo = todo[flat[todo] == 0]
        if not len(todo):
            break
    np.copyto(labels, _enlarged(areas.labels, factor)[:h, :w], where=labels == 0)
    return labels


def _enlarged(labels: np.ndarray, factor: int) -> np.ndarray:
    found: np.ndarray = labels.repeat(factor, 0).repeat(factor, 1)
    return found


def carry_up(painted: Image.Image, areas: Areas, labels: np.ndarray) -> np.ndarray:
    """[H, W, 3] uint8: the painting's colours, without its lines, at the drawing's size. labels: of `full_labels`."""
    cell = max(1, round(max(areas.labels.shape) / (2 * max(painted.size))))  # working px
    grid = areas.labels[cell // 2::cell, cell // 2::cell]
    away = areas.away[cell // 2::cell, cell // 2::cell] * (max(painted.size) / max(areas.labels.shape))
    colours = np.asarray(painted.convert("RGB").resize(grid.shape[::-1], Image.Resampling.BICUBIC), np.float32)
    trust = (np.clip((away - NEAR) / (SAFE - NEAR), 0, 1) ** 2 + 1e-3 * np.clip(away, 0, SAFE)).astype(np.float32)
    out: np.ndarray = _single_colours(colours, grid, trust, areas, painted)[labels]
    for number, box in enumerate(ndimage.find_objects(grid, areas.count), 1):
        if box is None:
            continue
        weight = np.where(grid[box] == number, trust[box], np.float32(0))
        if (weight > 0.5).sum() >= FEWEST:
            weight = without_leaks(colours[box], weight, away[box])
            field = calmed(filled_in(colours[box], weight), weight)
            _lay(out, labels, number, field, (box[0].start, box[1].start), cell * areas.factor)
    return out


def without_leaks(colours: np.ndarray, weight: np.ndarray, away: np.ndarray) -> np.ndarray:
    """The weight, less what lies near a line and is far from the colour of the area farther from lines thereabouts.

    That is the line's ink, or a neighbour's colour. A place where all is near lines is measured by the area's median.
    """
    far = np.clip((away - REACH[0]) / (REACH[1] - REACH[0]), 0, 1)
    own = np.median(colours[weight > 0.5], 0)
    clear = weight * far
    meant = filled_in(colours, clear) if (clear > 0.5).sum() >= FEWEST else own
    apart = ((colours - meant) ** 2).sum(-1)
    kept: np.ndarray = (weight * (1 - (1 - far) * (1 - np.exp(-apart / LEAK**2)))).astype(np.float32)
    return kept


def calmed(field: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The field [h, w, 3] with its small unevenness taken out, about its own even slope; what differs clearly stays."""
    y, x = np.mgrid[0:weight.shape[0], 0:weight.shape[1]].astype(np.float32)
    base = np.stack([np.ones_like(x), (x - x.mean()) / max(1, np.ptp(x)), (y - y.mean()) / max(1, np.ptp(y))], -1)
    chosen = weight > 0.5 if (weight > 0.5).any() else weight > 0
    a, b, w = base[chosen], field[chosen], weight[chosen]
    for _ in range(4):  # least squares, what does not fit counting less (Holland and Welsch 1977, Cauchy's weights)
        solved = np.linalg.lstsq(a * w[:, None], b * w[:, None], rcond=None)[0]
        w = weight[chosen] / (1 + ((b - a @ solved) ** 2).sum(-1) / CALM**2)
    if np.abs(solved[1:]).sum(0).max() < CALM:
        solved[1:] = 0
        solved[0] = np.average(b, axis=0, weights=w)
    even = base @ solved
    rest = field - even
    size = (rest**2).sum(-1, keepdims=True)
    kept: np.ndarray = even + rest * size / (size + CALM**2)
    return kept


def _single_colours(
    colours: np.ndarray, grid: np.ndarray, trust: np.ndarray, areas: Areas, painted: Image.Image,
) -> np.ndarray:
    """[count + 1, 3] uint8: one colour for each area, weighted by trust; of one between the cells, what lies there."""
    places, most = grid.ravel(), areas.count + 1
    weight = np.bincount(places, trust.ravel(), most)
    sums = [np.bincount(places, (trust * colours[..., channel]).ravel(), most) for channel in range(3)]
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


def _lay(
    out: np.ndarray, labels: np.ndarray, number: int, field: np.ndarray, corner: tuple[int, int], step: int,
) -> None:
    """Enlarge the field of one area and lay it onto its pixels; corner: its first cell; step: pixels of a cell."""
    top, left = corner[0] * step, corner[1] * step
    cells = Image.fromarray(np.clip(np.rint(field), 0, 255).astype(np.uint8))
    large = cells.resize((cells.width * step, cells.height * step), Image.Resampling.BILINEAR)
    h, w = min(large.height, labels.shape[0] - top), min(large.width, labels.shape[1] - left)
    region = (slice(top, top + h), slice(left, left + w))
    mask = labels[region] == number
    out[region][mask] = np.asarray(large)[:h, :w][mask]

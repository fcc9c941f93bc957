"""Line art -> a mask of what its outlines enclose: paper that is joined to the border is behind the figure."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

LOOK = 1024  # pixels, longer side at which outlines are followed; lines are kept whole
INK = 0.2  # of full ink: a pixel with more is a line
GAPS = (0.0, 0.008, 0.016)  # of the longer side: gaps up to twice this do not open an outline
CLOSED = 0.9  # of the figure at the largest of them: with that much no gap was open


def enclosed(lines: Tensor) -> Tensor:
    """lines: [1, 3, h, w], +1 on -1 -> [h, w] in [0, 1], 1 = within an outline or on a line."""
    ink = ((lines[0].amax(0) + 1) / 2).clamp(0, 1)
    small = darkest_at_most(ink, LOOK)
    walls = (small > INK).numpy()
    found = [_behind(walls, round(gap * max(walls.shape))) for gap in GAPS]
    least = CLOSED * bodied(torch.from_numpy(~found[-1]).float())
    outside = next(behind for behind in found if bodied(torch.from_numpy(~behind).float()) >= least)
    figure = torch.from_numpy((~outside).astype(np.float32))
    soft = torch.maximum(figure, small * torch.from_numpy(widened_by(~outside, 1)))  # the outer rim of a line is grey
    return F.interpolate(soft[None, None], ink.shape, mode="bilinear", align_corners=False)[0, 0]


def _behind(walls: np.ndarray, reach: int) -> np.ndarray:
    """What the border is joined to when gaps up to twice `reach` are closed. [h, w] bool.

    Behind the lines, thicker by `reach`, the ground is as much smaller, and in a corner by more: so it grows again by
    twice that, but not through lines.
    """
    thick = widened_by(walls, reach)
    found: np.ndarray = _joined(_from_border(thick), thick)
    for _ in range(2 * reach):
        found = widened_by(found, 1) & ~walls
    return found


def bodied(mask: Tensor) -> float:
    """The share of a picture that a mask [h, w] covers with more than lines: what is left when it is opened."""
    small = darkest_at_most(mask, LOOK // 4)
    reach = max(1, round(GAPS[-1] * max(small.shape)))
    open_ground = widened_by((small < 0.5).numpy(), reach)
    return 1 - float(np.mean(open_ground))


def darkest_at_most(ink: Tensor, side: int) -> Tensor:
    """The darkest of each cell, so that no line breaks. [h, w] -> [h', w']."""
    h, w = ink.shape
    scale = min(1.0, side / max(h, w))
    return F.adaptive_max_pool2d(ink[None, None], (max(1, round(h * scale)), max(1, round(w * scale))))[0, 0]


def widened_by(region: np.ndarray, reach: int) -> np.ndarray:
    """Dilation by a square, `reach` to each side. [h, w] bool."""
    x = torch.from_numpy(region.astype(np.float32))[None, None]
    if not reach:
        return region
    rows = F.max_pool2d(x, (2 * reach + 1, 1), 1, (reach, 0))
    found: np.ndarray = F.max_pool2d(rows, (1, 2 * reach + 1), 1, (0, reach))[0, 0].numpy() > 0
    return found


def _from_border(walls: np.ndarray) -> np.ndarray:
    """[h, w] bool -> pixels of the border that are behind the figure.

    Lines cut the border into pieces. A piece with a corner is behind, but for one that has both lower corners and no
    upper one: shoulders that run out at both sides. A piece without a corner is a figure that is cut off there.
    """
    h, w = walls.shape
    rim = [(0, x) for x in range(w - 1)] + [(y, w - 1) for y in range(h - 1)]
    rim += [(h - 1, x) for x in range(w - 1, 0, -1)] + [(y, 0) for y in range(h - 1, 0, -1)]
    y, x = np.array(rim).T
    wall = walls[y, x]
    piece = np.cumsum(wall)  # a piece has the number of the line before it
    piece[piece == piece[-1]] = 0 if not wall[0] else piece[-1]  # round the corner it began at
    corners = {name: piece[i] for name, i in
               (("left", 0), ("right", w - 1), ("lower right", w + h - 2), ("lower left", 2 * w + h - 3))
               if not wall[i]}
    upper = {corners.get("left"), corners.get("right")}
    lower = [corners.get("lower left"), corners.get("lower right")]
    behind = upper | ({*lower} if lower[0] != lower[1] else set())
    found = np.zeros(walls.shape, dtype=bool)
    found[y, x] = np.isin(piece, [number for number in behind if number is not None]) & ~wall
    return found


def _joined(seeds: np.ndarray, walls: np.ndarray) -> np.ndarray:
    """What can be reached from the seeds without crossing a wall, by sweeps along rows and columns. [h, w] bool."""
    before = -1
    found: np.ndarray = seeds & ~walls
    across = np.ascontiguousarray(walls.T)
    while (count := int(found.sum())) != before:
        before = count
        found = _swept(found, walls)
        found = _swept(np.ascontiguousarray(found.T), across).T
    return found


def _swept(found: np.ndarray, walls: np.ndarray) -> np.ndarray:
    """Each stretch of a row between walls is found when a pixel of it is."""
    begins = walls.copy()
    begins[:, 0] = True
    stretch = np.cumsum(begins.ravel())
    hit = np.bincount(stretch, weights=np.ascontiguousarray(found).ravel()) > 0
    swept: np.ndarray = hit[stretch].reshape(walls.shape) & ~walls
    return swept

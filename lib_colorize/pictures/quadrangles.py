"""Four straight edges that could be the sides of one sheet, and how much of each side is seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .straight_edges import ASIDE, Edge, sampled

Floats = NDArray[np.float32]
Corners = NDArray[np.float64]  # [..., 4, 2] of x, y, in order around

INSIDE, OUTSIDE, BEYOND = 3.5, 3.5, 16.0  # pixels from a side where light is compared
UNSEEN = 0.6  # counted for a side that lies outside the picture: neither for nor against
SLANT = np.deg2rad(40)  # by which neighbouring sides may differ from a right angle
OVER = 0.25  # of the picture's sides that a corner may lie outside of it


@dataclass(frozen=True)
class Quadrangles:
    """corners: [N, 4, 2]; seen, clear: [N, 4], the share of each side with a step up to the inside, from right outside
    it and from farther out (a drawn frame has the one and not the other); sides: [N, 4], which are no picture's side.
    """

    corners: Corners
    seen: Floats
    clear: Floats
    sides: NDArray[np.bool_]
    area: NDArray[np.float64]  # [N], of the picture


def quadrangles(light: Floats, even: Floats, edges: list[Edge], step: float) -> Quadrangles:
    """light: [h, w] of logarithms, even: as in `straight_edges`; all convex ones with sides at about right angles."""
    h, w = light.shape
    angle = np.array([edge.angle for edge in edges])
    distance = np.array([edge.distance for edge in edges])
    four = _fours(angle, distance)
    corners = np.stack([_crossing(angle, distance, four[:, k - 1], four[:, k]) for k in range(4)], 1)
    inside = (corners > -OVER * np.array((w, h))) & (corners < (1 + OVER) * np.array((w, h)))
    kept = inside.all((1, 2)) & _convex(corners)
    four, corners = four[kept], corners[kept]
    sums = _profiles(light, even, edges, step)
    seen, clear = (np.stack([_shares(sums[part], angle, four[:, k], corners[:, k], corners[:, (k + 1) % 4])
                             for k in range(4)], 1) for part in (0, 1))
    sides = np.array([edge.weight > 0 for edge in edges])[four]
    return Quadrangles(corners, seen, clear, sides, _area(corners) / (w * h))


def _fours(angle: NDArray[np.float64], distance: NDArray[np.float64]) -> NDArray[np.int64]:
    """[N, 4] edges in order around: normals turn by a right angle or so, and opposite ones face each other."""
    turn = np.angle(np.exp(1j * (angle[None] - angle[:, None])))  # [from, to]
    first, third = np.nonzero(np.abs(turn) > np.pi - SLANT)
    facing = (distance[first] + distance[third]) < -20  # opposite normals: the strip between them is inside
    first, third = first[facing], third[facing]
    upright = (angle[first] > np.pi / 4) & (angle[first] <= 3 * np.pi / 4)  # the first is the upper side: once each
    top, bottom = first[upright], third[upright]
    left_most = (np.abs(np.angle(np.exp(1j * angle[first]))) <= np.pi / 4)
    left, right = first[left_most], third[left_most]
    p, q = np.divmod(np.arange(len(top) * len(left)), max(1, len(left)))
    found = np.stack([top[p], right[q], bottom[p], left[q]], 1)
    square = np.ones(len(found), bool)
    for k in range(4):
        square &= np.abs(np.abs(turn[found[:, k], found[:, (k + 1) % 4]]) - np.pi / 2) < SLANT
    return found[square]


def _crossing(angle: NDArray[np.float64], distance: NDArray[np.float64], a: NDArray[np.int64], b: NDArray[np.int64],
              ) -> NDArray[np.float64]:
    """[N, 2]: where edges a and b cross."""
    ca, sa, cb, sb = np.cos(angle[a]), np.sin(angle[a]), np.cos(angle[b]), np.sin(angle[b])
    across = ca * sb - sa * cb
    across = np.where(np.abs(across) < 1e-3, np.nan, across)
    x = (distance[a] * sb - distance[b] * sa) / across
    y = (distance[b] * ca - distance[a] * cb) / across
    return np.nan_to_num(np.stack([x, y], 1), nan=1e9)


def _convex(corners: Corners) -> NDArray[np.bool_]:
    """With sides that differ by a factor of two and a half at most from their opposite."""
    sides = np.roll(corners, -1, 1) - corners
    after = np.roll(sides, -1, 1)
    turning = sides[..., 0] * after[..., 1] - sides[..., 1] * after[..., 0]
    length = np.hypot(sides[..., 0], sides[..., 1])
    even = np.ones(len(corners), bool)
    for k in range(2):
        ratio = length[:, k] / np.maximum(length[:, k + 2], 1)
        even &= (ratio > 0.4) & (ratio < 2.5)
    return (turning > 0).all(1) & even


def _area(corners: Corners) -> NDArray[np.float64]:
    x, y = corners[..., 0], corners[..., 1]
    twice: NDArray[np.float64] = np.abs((x * np.roll(y, -1, -1) - y * np.roll(x, -1, -1)).sum(-1))
    return twice / 2


def _profiles(light: Floats, even: Floats, edges: list[Edge], step: float) -> NDArray[np.float64]:
    """[2, edges, places + 1]: running sums along each line of the share of `step` that is seen, near and far."""
    h, w = light.shape
    reach = int(np.hypot(h, w))
    along = np.arange(-reach, reach + 1)
    angle = np.array([edge.angle for edge in edges])[:, None]
    distance = np.array([edge.distance for edge in edges])[:, None]
    cos, sin = np.cos(angle), np.sin(angle)
    x, y = distance * cos - along * sin, distance * sin + along * cos

    def at(off: float, values: Floats = light) -> NDArray[np.float64]:
        return sampled(values, x + off * cos, y + off * sin).astype(np.float64)

    paper, plain = at(INSIDE), at(ASIDE, even)
    shares = np.stack([np.clip((paper - at(-off)) / step, 0, 1) * plain for off in (OUTSIDE, BEYOND)])
    outside = (x < 1) | (y < 1) | (x > w - 2) | (y > h - 2)
    outside |= np.array([edge.weight <= 0 for edge in edges])[:, None]
    shares[:, outside] = UNSEEN
    return np.concatenate([np.zeros((2, len(edges), 1)), np.cumsum(shares, -1)], -1)


def _shares(sums: NDArray[np.float64], angle: NDArray[np.float64], edge: NDArray[np.int64], start: NDArray[np.float64],
            end: NDArray[np.float64]) -> Floats:
    """[N]: the mean between two points of each edge."""
    reach = (sums.shape[1] - 2) // 2
    sin, cos = np.sin(angle[edge]), np.cos(angle[edge])
    a, b = (np.clip(np.rint(p[:, 1] * cos - p[:, 0] * sin).astype(int) + reach, 0, 2 * reach) for p in (start, end))
    low, high = np.minimum(a, b), np.maximum(a, b) + 1
    found: Floats = ((sums[edge, high] - sums[edge, low]) / (high - low)).astype(np.float32)
    return found

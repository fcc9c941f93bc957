"""Long straight edges of a picture that are light on one side: a Hough transform over directed lines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
DIRECTIONS = 180  # of the normal, 2 degrees apart
WIDTH = 2  # pixels between neighbouring lines of one direction
SPREAD = 3  # directions on either side that a pixel votes for
ASIDE = 7  # pixels from an edge to the place on its light side that must be plain


@dataclass(frozen=True)
class Edge:
    """The line x cos(angle) + y sin(angle) = distance, in pixels from the upper left; its normal points to the light.

    weight: pixels of edge that lie on it, 0 for a side of the picture itself.
    """

    angle: float
    distance: float
    weight: float

    @property
    def normal(self) -> tuple[float, float]:
        return float(np.cos(self.angle)), float(np.sin(self.angle))


def straight_edges(light: Floats, even: Floats, step: float, most: int) -> list[Edge]:
    """light: [h, w], any scale; step: the difference over two pixels that counts in full. The `most` strongest.

    even: [h, w] in [0, 1], how plain it is around a pixel; an edge counts by that of its light side, so that the
    pattern of a cloth does not drown the sheet that lies on it.

    Hough over normal and distance as Duda and Hart 1972, each pixel voting only near its own gradient's direction
    (O'Gorman and Clowes 1976); direction with a sign, so that a dark line gives two edges and not one.
    """
    h, w = light.shape
    across, down = np.zeros_like(light), np.zeros_like(light)
    across[:, 1:-1], down[1:-1] = light[:, 2:] - light[:, :-2], light[2:] - light[:-2]
    size = np.hypot(across, down)
    y, x = np.nonzero(size > step / 3)
    off = ASIDE / size[y, x]
    light_x, light_y = x + off * across[y, x], y + off * down[y, x]
    vote = np.minimum(size[y, x] / step, 1) * sampled(even, light_x, light_y) ** 3
    own = np.round(np.arctan2(down[y, x], across[y, x]) / (2 * np.pi) * DIRECTIONS).astype(int)
    reach = int(np.hypot(h, w)) // WIDTH + 2
    votes = np.zeros((DIRECTIONS, 2 * reach), np.float32)
    for turn in range(-SPREAD, SPREAD + 1):
        direction = (own + turn) % DIRECTIONS
        angle = direction * (2 * np.pi / DIRECTIONS)
        place = np.round((x * np.cos(angle) + y * np.sin(angle)) / WIDTH).astype(int) + reach
        votes += np.bincount(direction * 2 * reach + place, vote, votes.size).reshape(votes.shape)
    return _peaks(votes, reach, most)


def sampled(values: Floats, x: NDArray[np.float64], y: NDArray[np.float64]) -> Floats:
    """values [h, w] at the nearest pixels."""
    h, w = values.shape
    found: Floats = values[np.clip(np.rint(y), 0, h - 1).astype(int), np.clip(np.rint(x), 0, w - 1).astype(int)]
    return found


def _peaks(votes: Floats, reach: int, most: int) -> list[Edge]:
    """The highest places, each with its neighbourhood taken away before the next is looked for."""
    found: list[Edge] = []
    for _ in range(most):
        direction, place = np.unravel_index(int(votes.argmax()), votes.shape)
        weight = float(votes[direction, place])
        if weight <= 0:
            break
        found.append(Edge(direction * 2 * np.pi / DIRECTIONS, float((place - reach) * WIDTH), weight))
        near = np.arange(direction - SPREAD, direction + SPREAD + 1) % DIRECTIONS
        votes[near, max(0, place - 3):place + 4] = 0
    return found


def border_edges(width: int, height: int) -> list[Edge]:
    """The four sides of the picture: a sheet may go on beyond it."""
    places = ((0.0, 0), (np.pi, -(width - 1)), (np.pi / 2, 0), (-np.pi / 2, -(height - 1)))
    return [Edge(angle, float(distance), 0.0) for angle, distance in places]

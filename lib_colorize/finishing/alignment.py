"""How one drawing lies in another of the same thing, moved and turned: an affine map, found by their lines alone.

Coarse: every turn and scale of a grid, and for each the shift at which blurred lines agree best, by correlation in the
Fourier domain. Fine: the lines of one are moved onto the nearest ones of the other (chamfer matching, Borgefors 1988),
by Gauss-Newton steps over the distance map, distant lines counting less and less.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

COARSE, FINE = 96, 320  # px of the longer side
TURNS = range(-36, 37, 4)  # degrees
SCALES = (0.8, 0.9, 1.0, 1.1, 1.25)
POINTS = 4000  # of the lines, that are moved
LINE = 0.35  # of full ink
NEAR = 0.01  # of the longer side: lines that far apart are the same line


@dataclass(frozen=True)
class Alignment:
    """matrix [2, 3]: (y, x, 1) of the one -> (y, x) of the other, both from the middle, in longer sides of their own.

    agreement: the share of both drawings' lines that lie on each other.
    """

    matrix: np.ndarray
    agreement: float

    def sampled(self, of: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """What lies at each pixel of a picture of `shape`, from a map [h, w] of the other; outside the nearest."""
        y, x = (np.arange(side) + 0.5 - side / 2 for side in shape)
        grid = np.stack([*np.meshgrid(y, x, indexing="ij"), np.full(shape, max(shape), np.float64)]) / max(shape)
        there = np.tensordot(self.matrix, grid, 1) * max(of.shape[:2])
        row, column = (np.clip(np.floor(there[axis] + of.shape[axis] / 2).astype(int), 0, of.shape[axis] - 1)
                       for axis in (0, 1))
        return np.asarray(of[row, column])


def align(ink: np.ndarray, other: np.ndarray) -> Alignment:
    """ink, other: [H, W] in [0, 1], 1 = line, of any sizes."""
    matrix = _coarse(_square(ink, COARSE), _square(other, COARSE))
    lines, others = (_square(each, FINE) >= LINE for each in (ink, other))
    if not lines.any() or not others.any():
        return Alignment(matrix, 0.0)
    away = ndimage.distance_transform_edt(~others).astype(np.float32)
    points = _points(lines)
    for reach in (16.0, 8.0, 4.0):
        matrix = _fitted(matrix, points, away, reach)
    inverse = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))[:2]
    back = ndimage.distance_transform_edt(~lines).astype(np.float32)
    agreement = min(_agreeing(matrix, points, away), _agreeing(inverse, _points(others), back))
    return Alignment(matrix, agreement)


def _square(ink: np.ndarray, side: int) -> np.ndarray:
    """[side, side]: the ink in the middle, its longer side that long, every line still there."""
    longer = max(ink.shape)
    step = max(1, longer // side)
    h, w = (-(-length // step) * step for length in ink.shape)
    padded = np.pad(ink, ((0, h - ink.shape[0]), (0, w - ink.shape[1])))
    pooled = padded.reshape(h // step, step, w // step, step).max((1, 3)).astype(np.float32)
    y, x = ((np.arange(side) + 0.5) / side - 0.5 for _ in (0, 1))
    row, column = ((axis * longer + length / 2) / step - 0.5 for axis, length in ((y, ink.shape[0]), (x, ink.shape[1])))
    found: np.ndarray = ndimage.map_coordinates(pooled, np.meshgrid(row, column, indexing="ij"), order=1, cval=0.0)
    return found


def _coarse(ink: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The best turn, scale and shift of a grid."""
    side = ink.shape[0]
    there = ndimage.gaussian_filter(other, 2.0)
    there = np.fft.rfft2(there - there.mean(), (2 * side, 2 * side))
    best, found = -np.inf, np.eye(2, 3)
    for turn in TURNS:
        c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
        for scale in SCALES:
            linear = scale * np.array([[c, -s], [s, c]])
            middle = (side - 1) / 2
            back = np.linalg.inv(linear)
            moved = ndimage.affine_transform(ink, back, middle - back @ (middle, middle), order=1)
            moved = ndimage.gaussian_filter(moved, 2.0)
            moved = moved - moved.mean()
            size = float(np.sqrt((moved**2).sum())) or 1.0
            match = np.fft.irfft2(np.conj(np.fft.rfft2(moved, (2 * side, 2 * side))) * there)
            at = int(match.argmax())
            if match.flat[at] / size > best:
                best = match.flat[at] / size
                shift = np.array(np.unravel_index(at, match.shape), np.float64)
                shift[shift >= side] -= 2 * side
                found = np.column_stack([linear, shift / side])
    return found


def _points(lines: np.ndarray) -> np.ndarray:
    """[n, 3] of (y, x, 1), from the middle, in sides."""
    y, x = np.nonzero(lines)
    step = max(1, len(y) // POINTS)
    place = np.stack([y, x], 1)[::step] + 0.5
    return np.column_stack([place / lines.shape[0] - 0.5, np.ones(len(place))])


def _distances(matrix: np.ndarray, points: np.ndarray, away: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each point, moved: px to the nearest line, and where it lies [2, n] px."""
    at = (points @ matrix.T + 0.5) * away.shape[0] - 0.5
    return ndimage.map_coordinates(away, at.T, order=1, mode="nearest"), at.T


def _fitted(matrix: np.ndarray, points: np.ndarray, away: np.ndarray, reach: float) -> np.ndarray:
    """A few Gauss-Newton steps; reach: px, from which on a distance counts little (Geman and McClure's weights)."""
    side, slopes = away.shape[0], np.gradient(away)
    for _ in range(12):
        far, at = _distances(matrix, points, away)
        slope = np.stack([ndimage.map_coordinates(each, at, order=1, mode="nearest") for each in slopes], 1)
        weight = (1 / (1 + (far / reach) ** 2)) ** 2
        jacobian = (slope[:, :, None] * points[:, None, :]).reshape(len(points), 6) * side
        normal = jacobian.T @ (jacobian * weight[:, None])
        normal += np.diag(1e-3 * np.diag(normal) + 1e-6)
        matrix = matrix - np.linalg.solve(normal, jacobian.T @ (weight * far)).reshape(2, 3)
    return matrix


def _agreeing(matrix: np.ndarray, points: np.ndarray, away: np.ndarray) -> float:
    far, _ = _distances(matrix, points, away)
    return float((far <= NEAR * away.shape[0]).mean())

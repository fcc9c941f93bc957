"""How flat areas are painted: the share of their pixels that have the colour of their area."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy.ndimage import distance_transform_edt, label

from lib_colorize.pictures.colour_spaces import lab_of
from training.small.colour import ciede2000

FLAT = 3.0  # CIEDE2000 from the area's median within which a pixel has the area's colour
AWAY = 2.0  # px from a line: nearer ones are the line's
LEAST = 32  # px; an area with fewer away from lines says nothing


@dataclass(frozen=True)
class FlatPixels:
    """Pixels of areas that are away from lines, and how many of them have their area's colour."""

    flat: int
    all: int


def away_from_lines(lines: np.ndarray) -> np.ndarray:
    """[H, W] bool, where a line is -> [H, W] bool, farther than AWAY from any."""
    if not lines.any():
        return np.ones_like(lines)
    found: np.ndarray = distance_transform_edt(~lines) > AWAY
    return found


def flat_pixels(result: Image.Image, region: np.ndarray, away: np.ndarray) -> FlatPixels:
    """region: [H, W] bool, one part or the background; each of its connected pieces is an area with its own median.

    away: [H, W] bool, of `away_from_lines`.
    """
    pixels = np.asarray(result.convert("RGB"), dtype=np.float64)
    areas, count = label(region)
    flat = total = 0
    for number in range(1, count + 1):
        inside = pixels[(areas == number) & away]
        if len(inside) >= LEAST:
            flat += int((ciede2000(lab_of(inside), lab_of(np.median(inside, axis=0))) <= FLAT).sum())
            total += len(inside)
    return FlatPixels(flat, total)


def flatness(measured: Iterable[FlatPixels]) -> float | None:
    """Share over all pixels; None without any."""
    listed = list(measured)
    total = sum(pixels.all for pixels in listed)
    return sum(pixels.flat for pixels in listed) / total if total else None

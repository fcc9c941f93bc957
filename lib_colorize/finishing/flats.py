"""The colour of each area: its median, and one that no other area has."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from .strips import PIXELS, THREADS, strips


def flat_colours(colours: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """[count + 1, 3] uint8: the median colour of each area, changed by a little where two areas have the same."""
    table = median_colours(colours, labels)
    taken: set[tuple[int, ...]] = set()
    nearby: dict[tuple[int, ...], Iterator[tuple[int, ...]]] = {}
    for number in range(1, len(table)):
        colour = tuple(int(v) for v in table[number])
        if colour in taken:
            near = nearby.setdefault(colour, _near(colour))  # goes on where the last one stopped
            colour = next((each for each in near if each not in taken), colour)
        taken.add(colour)
        table[number] = colour
    return table


def median_colours(colours: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """[count + 1, 3] uint8: the median of each channel in each area 1..count; white where there is no such area."""
    count = int(labels.max())
    histogram = np.zeros((3, (count + 1) * 256), np.int32)
    enough = max(PIXELS, 2 * histogram.shape[1])  # pixels of a strip, so that counting costs no more than reading them

    def work(channel: int) -> None:
        for rows in strips(labels, enough):
            places = labels[rows] * 256
            places += colours[rows][..., channel]
            counted = np.bincount(places.ravel())
            histogram[channel, : len(counted)] += counted

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(work, range(3)))
    summed = np.cumsum(histogram.reshape(3, count + 1, 256), 2, dtype=np.int32)
    middle = (summed >= (summed[..., -1:] + 1) // 2).argmax(2)
    found: np.ndarray = np.where(summed[..., -1] > 0, middle, 255).T.astype(np.uint8)
    return found


def _near(colour: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """All other colours, the nearest first."""
    for reach in range(1, 256):
        steps = range(-reach, reach + 1)
        for change in ((r, g, b) for r in steps for g in steps for b in steps if max(abs(r), abs(g), abs(b)) == reach):
            near = tuple(value + by for value, by in zip(colour, change))
            if all(0 <= value <= 255 for value in near):
                yield near

"""Near-duplicates by perceptual hash: the same picture again, resized, recompressed or a little brighter.

A recoloured copy of the same drawing is no duplicate here: it is what colorization learns from.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image

SIDE = 16  # the hash has SIDE^2 bits
PALETTE = 4  # the colours of PALETTE^2 cells are compared too
STEP = 3  # of 255: a smaller one is noise of the compression
MAX_BITS = 12  # of 256 that may differ, and no more than a quarter of those that are set
MAX_COLOUR = 16  # of 255, in every cell and channel

_ONES = np.array([bin(byte).count("1") for byte in range(256)], dtype=np.uint8)


def fingerprint(picture: Image.Image) -> tuple[bytes, bytes]:
    """RGB -> dHash (where brightness rises to the right, 32 bytes) and the mean colours of a coarse grid (48 bytes)."""
    small = np.asarray(picture.convert("L").resize((SIDE + 1, SIDE), Image.Resampling.BOX), dtype=np.int16)
    cells = np.asarray(picture.resize((PALETTE, PALETTE), Image.Resampling.BOX))
    return np.packbits(small[:, 1:] > small[:, :-1] + STEP).tobytes(), cells.tobytes()


def duplicates(hashes: np.ndarray, colours: np.ndarray, quality: np.ndarray, max_bits: int = MAX_BITS) -> np.ndarray:
    """hashes: [N, 32], colours: [N, 48] uint8, quality: [N] -> [N], index of the better picture, -1 where it is kept.

    Greedy from the best down (equal ones: the first): dropped is what lies near one that is kept. Pictures of equal
    hashes, of which there may be thousands, are thinned out first.
    """
    better = np.full(len(hashes), -1, dtype=np.int64)
    best_first = np.lexsort((np.arange(len(quality)), -quality))
    for same in _groups(hashes[best_first]):
        _thin(best_first[same], colours, better)
    left = best_first[better[best_first] < 0]
    neighbours: dict[int, list[int]] = {}
    for a, b in _near(hashes[left], colours[left], max_bits):  # places within `left`: a is the better one
        neighbours.setdefault(b, []).append(a)
    for place in sorted(neighbours):
        kept = [a for a in neighbours[place] if better[left[a]] < 0]
        if kept:
            better[left[place]] = left[min(kept)]
    for i in np.flatnonzero(better >= 0):
        while better[better[i]] >= 0:
            better[i] = better[better[i]]
    return better


def _groups(rows: np.ndarray) -> list[np.ndarray]:
    """rows: [N, k] uint8 -> the places of equal rows, ascending, of every value that occurs more than once."""
    _, group = np.unique(rows, axis=0, return_inverse=True)
    order = np.argsort(group.ravel(), kind="stable")
    found = np.split(order, np.flatnonzero(np.diff(group.ravel()[order])) + 1)
    return [same for same in found if len(same) > 1]


def _thin(same: np.ndarray, colours: np.ndarray, better: np.ndarray) -> None:
    """Mark those of equal hashes, best first, whose colours a better one has."""
    kept: list[int] = []
    for i in same.tolist():
        step = np.abs(colours[kept].astype(np.int16) - colours[i].astype(np.int16)).max(axis=1, initial=0)
        near = np.flatnonzero(step <= MAX_COLOUR)
        if len(near):
            better[i] = kept[int(near[0])]
        else:
            kept.append(i)


def _near(hashes: np.ndarray, colours: np.ndarray, max_bits: int) -> set[tuple[int, int]]:
    """Pairs (lower, higher) within both limits. Hashes that differ in at most k bits agree in one of k + 1 bands.

    A band without a step says nothing (paper is flat) and would compare half of all pictures with one another; pairs
    that agree in such bands alone are not found unless all their bits are equal.
    """
    bits = np.unpackbits(hashes, axis=1)
    found: set[tuple[int, int]] = set()
    for band in np.array_split(np.random.default_rng(0).permutation(bits.shape[1]), max_bits + 1):  # few are flat so
        telling = np.flatnonzero(bits[:, band].any(axis=1))
        if len(telling):
            _, group = np.unique(np.packbits(bits[telling][:, band], axis=1), axis=0, return_inverse=True)
            order = np.argsort(group.ravel(), kind="stable")
            for a, b in _together(group.ravel()[order]):
                near = _close(telling[order[a]], telling[order[b]], hashes, colours, max_bits)
                found |= set(map(tuple, np.sort(near, axis=1).tolist()))
    return found


def _together(group: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """group: [N] ascending -> places (a, b) of all pairs of equal values, by their distance."""
    a = np.arange(len(group))
    for distance in range(1, len(group)):
        a = a[a + distance < len(group)]
        a = a[group[a] == group[a + distance]]
        if not len(a):
            return
        yield a, a + distance


def _close(a: np.ndarray, b: np.ndarray, hashes: np.ndarray, colours: np.ndarray, max_bits: int) -> np.ndarray:
    """[n, 2], those of the pairs that are within the limits."""
    distance = _ONES[hashes[a] ^ hashes[b]].sum(axis=1)
    set_bits = _ONES[hashes[a] | hashes[b]].sum(axis=1)
    near = (distance <= max_bits) & (4 * distance <= set_bits)
    a, b = a[near], b[near]
    alike = (np.abs(colours[a].astype(np.int16) - colours[b].astype(np.int16)) <= MAX_COLOUR).all(axis=1)
    return np.stack([a[alike], b[alike]], axis=1)

"""Leak score: what of a reference's own layout shows where the sketch is blank background (spatial entanglement)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy.ndimage import binary_dilation, label, sobel

LINE = 0.1  # a sketch pixel this much darker than paper is a line
PAPER = 0.1  # a reference pixel within this of white, in every channel, is blank
CLOSING = 0.01  # of the longer side: gaps up to twice this do not open a figure to the background
LEAST = 0.01  # of the picture: a smaller region says nothing
LUMA = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True)
class Energies:
    """Means over the region of one sample, of the result, of a run with a blank reference, and of the reference."""

    result: float
    blank: float
    reference: float


def background(sketch: Image.Image) -> np.ndarray:
    """Sketch, black lines on white -> [H, W] bool: paper that is joined to the border and not next to a line."""
    lines = np.asarray(sketch.convert("L"), dtype=np.float64) / 255 < 1 - LINE
    reach = max(1, round(CLOSING * max(sketch.size)))
    thick = binary_dilation(lines, iterations=reach)
    regions, _ = label(~thick)
    border = np.unique(np.concatenate([regions[0], regions[-1], regions[:, 0], regions[:, -1]]))
    found: np.ndarray = np.isin(regions, border[border > 0])
    return found


def busy(reference: Image.Image, size: tuple[int, int]) -> np.ndarray:
    """Reference squashed to `size` (as its encoder sees it) -> [H, W] bool, where it is not white."""
    pixels = _unit(reference.resize(size, Image.Resampling.BICUBIC))
    found: np.ndarray = (1 - pixels).max(axis=2) > PAPER
    return found


def colour_energy(picture: Image.Image) -> np.ndarray:
    """[H, W]: squared distance from white paper, mean over RGB in [0, 1]."""
    found: np.ndarray = ((1 - _unit(picture)) ** 2).mean(axis=2)
    return found


def edge_energy(picture: Image.Image) -> np.ndarray:
    """[H, W]: squared gradient of luma (Sobel, a step from 0 to 1 within a pixel is 1/2 on both its sides)."""
    luma = _unit(picture) @ LUMA
    found: np.ndarray = (sobel(luma, axis=0) / 8) ** 2 + (sobel(luma, axis=1) / 8) ** 2
    return found


def measure_leak(
    sketch: Image.Image, reference: Image.Image, result: Image.Image, blank: Image.Image,
) -> dict[str, Energies] | None:
    """Colour and edge energies of one sample; None when the region is too small. All but reference of one size.

    result: coloured by the reference; blank: the same seed by a white reference.
    """
    region = background(sketch) & busy(reference, sketch.size)
    if region.mean() < LEAST:
        return None
    squashed = reference.resize(sketch.size, Image.Resampling.BICUBIC)
    return {name: Energies(*(float(energy(p)[region].mean()) for p in (result, blank, squashed)))
            for name, energy in (("colour", colour_energy), ("edge", edge_energy))}


def leak_score(samples: Iterable[Energies]) -> float | None:
    """sum(result - blank) / sum(reference): 0 = as with a blank reference, 1 = as busy as the reference itself."""
    listed = list(samples)
    whole = sum(sample.reference for sample in listed)
    return sum(sample.result - sample.blank for sample in listed) / whole if whole > 0 else None


def _unit(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("RGB"), dtype=np.float64) / 255

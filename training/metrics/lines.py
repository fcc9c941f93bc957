"""Line fidelity: lines drawn again from a result against lines drawn again from its sketch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy.ndimage import distance_transform_edt

from training.dataset.classical_extractors import Extract
from training.dataset.extractors import REGISTRY

TOLERANCE = 0.0075  # of the diagonal, as the Berkeley benchmark of edges (Martin 2004)
DARK = 128  # below it is a line


@dataclass(frozen=True)
class LineFidelity:
    """precision, recall, f1 in [0, 1]; chamfer in parts of the diagonal, 0 = the same lines."""

    precision: float
    recall: float
    f1: float
    chamfer: float


def redrawn(picture: Image.Image, extract: Extract | None = None) -> np.ndarray:
    """RGB -> [H, W] bool, where the extractor (default: edges, which needs no weights) draws a line."""
    extract = extract or REGISTRY["edges"](None, "cpu")
    return np.asarray(extract(picture)) < DARK


def compare(result: np.ndarray, sketch: np.ndarray, reach: float = 0) -> LineFidelity:
    """result, sketch: [H, W] bool. A pixel is right within `reach` px (0: TOLERANCE) of a line of the other.

    chamfer: mean distance of a line pixel to the nearest one of the other, both ways, averaged; 1 when one has none.
    """
    diagonal = float(np.hypot(*sketch.shape))
    reach = reach or max(1.0, TOLERANCE * diagonal)
    if not result.any() or not sketch.any():
        same = float(result.any() == sketch.any())
        return LineFidelity(same, same, same, 1 - same)
    to_sketch = distance_transform_edt(~sketch)[result]
    to_result = distance_transform_edt(~result)[sketch]
    precision, recall = float((to_sketch <= reach).mean()), float((to_result <= reach).mean())
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return LineFidelity(precision, recall, f1, float(to_sketch.mean() + to_result.mean()) / 2 / diagonal)

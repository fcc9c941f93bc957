"""Another colour for whole areas of a finished picture; their shading, and every other area, stay as they are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import ndimage

from ..pictures.colour_spaces import lab_of
from .colour import colour_distance
from .finished import Finished

LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)  # Rec. 709
ALL = 100.0  # CIEDE2000

Colours = Mapping[int, tuple[int, int, int]]  # area -> sRGB


def recoloured(finished: Finished, wanted: Colours) -> Finished:
    """Each area in `wanted` with that colour in place of its median one.

    What is darker or lighter than the median stays so, by the share of the way to black or to white.
    """
    colours = finished.colours.copy()
    boxes = ndimage.find_objects(finished.labels)
    for area, colour in wanted.items():
        box = boxes[area - 1]
        own = finished.labels[box] == area
        found = colours[box][own].astype(np.float32) @ LUMA
        usually = float(finished.usual[area].astype(np.float32) @ LUMA)
        dark = np.clip(found / max(usually, 1.0), 0, 1)[:, None]
        light = np.clip((found - usually) / max(255 - usually, 1.0), 0, 1)[:, None]
        shaded = np.asarray(colour, np.float32) * dark
        colours[box][own] = np.rint(shaded + (255 - shaded) * light)
    return finished.with_colours(colours)


def locked(finished: Finished, palette: np.ndarray, limit: float) -> Colours:
    """Each area's nearest colour of a palette [n, 3], of those that are within `limit` CIEDE2000 of its median.

    ALL or more: none is too far. Between saturated colours there are a few more than that, and rounding adds some.
    """
    used = np.unique(finished.labels)
    apart = colour_distance(lab_of(finished.usual[used])[:, None], lab_of(palette)[None])
    nearest = apart.argmin(1)
    return {int(area): (int(palette[n][0]), int(palette[n][1]), int(palette[n][2]))
            for area, n, row in zip(used, nearest, apart) if limit >= ALL or row[n] <= limit}

"""Another colour for whole areas of a finished picture; their shading, and every other area, stay as they are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import ndimage

from ..pictures.colour_spaces import lab_of
from .colour import colour_distance
from .finished import Finished

LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)  # Rec. 709
ROOM, HALF = 64.0, 128.0  # of 255, to black or white: shares of less room are not told
ALL = 100.0  # CIEDE2000

Colours = Mapping[int, tuple[int, int, int]]  # area -> sRGB


def recoloured(finished: Finished, wanted: Colours) -> Finished:
    """Each area in `wanted` with that colour in place of its median one, its shade and shine kept (`_shading`)."""
    colours = finished.colours.copy()
    boxes = ndimage.find_objects(finished.labels)
    for area, colour in wanted.items():
        box = boxes[area - 1]
        own = finished.labels[box] == area
        dark, light = _shading(colours[box][own].astype(np.float32), finished.usual[area].astype(np.float32))
        shaded = np.asarray(colour, np.float32) * dark
        colours[box][own] = np.rint(shaded + (255 - shaded) * light)
    return finished.with_colours(colours)


def _shading(found: np.ndarray, usual: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What of the area's colour is left in each pixel, and its share of white: [n, 1] both, in 0..1.

    found: [n, 3]; usual: [3], sRGB values of 255. Shade darkens all channels alike, shine adds white to all (the
    dichromatic reflection model, Shafer 1985): a pixel is as white as the channel says that shows least of it, of those
    with room for it, and at least as its luma says. Unevenness of a very dark or light colour counts by what is seen,
    not by the little room that is left to black or white.
    """
    luma = float(usual @ LUMA)
    here, rooms = found @ LUMA, 255 - usual
    dark = np.clip(1 - (luma - here) / max(luma, ROOM), 0, 1)
    lighter = (here - luma) / max(255 - luma, HALF)
    whiter = ((found - usual) / np.maximum(rooms, 1))[:, rooms >= ROOM].min(1, initial=1)
    white = np.maximum(lighter, whiter) if (rooms >= ROOM).any() else lighter
    return dark[:, None], np.clip(white, 0, 1)[:, None]


def locked(finished: Finished, palette: np.ndarray, limit: float) -> Colours:
    """Each area's nearest colour of a palette [n, 3], of those that are within `limit` CIEDE2000 of its median.

    ALL or more: none is too far. Between saturated colours there are a few more than that, and rounding adds some.
    """
    used = np.unique(finished.labels)
    apart = colour_distance(lab_of(finished.usual[used])[:, None], lab_of(palette)[None])
    nearest = apart.argmin(1)
    return {int(area): (int(palette[n][0]), int(palette[n][1]), int(palette[n][2]))
            for area, n, row in zip(used, nearest, apart) if limit >= ALL or row[n] <= limit}

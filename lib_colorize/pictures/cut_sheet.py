"""A sheet that goes on beyond the photo: light within, dark all around, and sides of it that nobody sees."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .desk import lies_on_a_desk
from .quadrangles import Corners, Quadrangles

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Seen = tuple[Corners, Bools]  # corners [4, 2] of what is seen of a sheet, which of its sides are real [4]

SEEN, CLEAR = 0.75, 0.6  # share of each side in the photo that must be seen, from right outside and from farther out
AREA = 0.25  # of the picture: of what goes on beyond it there is a good part to be seen
TRIED = 12  # of the largest, whose sides are best seen


def find_cut_sheet(light: Floats, found: Quadrangles, is_paper: Callable[[Corners], bool]) -> Seen | None:
    """light: [h, w] of logarithms; is_paper: whether it is plain within these corners.

    found: those whose sides may be the photo's own. Two or three sides must be real: with one alone every horizon
    would be the edge of a sheet.
    """
    sides = found.sides.sum(1)
    seen, clear = (np.where(found.sides, part, 1).min(1) for part in (found.seen, found.clear))
    kept = np.flatnonzero((sides >= 2) & (sides < 4) & (seen > SEEN) & (clear > CLEAR) & (found.area > AREA))
    for k in kept[np.argsort(-(found.area * seen)[kept])][:TRIED]:
        if is_paper(found.corners[k]) and lies_on_a_desk(light, found.corners[k], found.sides[k]):
            return found.corners[k], found.sides[k]
    return None


def completed(corners: Corners, real: Bools) -> Corners:
    """What is seen of a sheet -> the corners of all of it, some outside the photo.

    A side that is not seen is laid parallel to its opposite, or square to its neighbours, as far out as holds all that
    is seen. A line drawn across the photo's border thus keeps its angle, where the border itself as a side would bend
    the drawing.
    """
    ways = np.roll(corners, -1, 0) - corners
    ways = ways / np.hypot(*ways.T)[:, None]
    places = corners.copy()
    for k in np.flatnonzero(~real):
        way = -ways[(k + 2) % 4] if real[(k + 2) % 4] else _square_to(ways, real, int(k))
        out = np.array((way[1], -way[0]))
        ways[k], places[k] = way, corners[int((corners @ out).argmax())]
    return np.stack([_meeting(places[k - 1], ways[k - 1], places[k], ways[k]) for k in range(4)])


def _square_to(ways: Corners, real: Bools, k: int) -> Corners:
    """The direction of side k where neither it nor its opposite is seen: across the two others."""
    along = [sign * ways[(k + turn) % 4] for turn, sign in ((1, 1), (3, -1)) if real[(k + turn) % 4]]
    mean = np.mean(along, 0)
    found: Corners = np.array((mean[1], -mean[0])) / np.hypot(*mean)
    return found


def _meeting(p: Corners, d: Corners, r: Corners, e: Corners) -> Corners:
    found: Corners = p + d * ((r - p)[0] * e[1] - (r - p)[1] * e[0]) / (d[0] * e[1] - d[1] * e[0])
    return found

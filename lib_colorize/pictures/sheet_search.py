"""A sheet of paper in a photo: the four-sided place that is light and even within, and another thing all around."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from .cut_sheet import AREA as CUT_AREA
from .cut_sheet import Seen, completed, find_cut_sheet
from .desk import is_left_on_all_sides
from .grey import spread_out
from .quadrangles import Corners, Quadrangles, quadrangles
from .sheet_sides import refined
from .small_copies import at_most
from .straight_edges import border_edges, straight_edges

Floats = NDArray[np.float32]

LOOK = 320  # pixels, the longer side at which a sheet is looked for
STEP = 0.06  # difference of log light from desk to sheet that counts in full
EDGES = 80  # straight edges that are tried as sides
WHITE = 255 * (1 + 256 + 65536)  # a pixel's three bytes as one number
AREA = 0.12  # of the picture: a smaller sheet is none
OUT = 0.06  # of the picture's sides: a sheet with a corner farther out is one that goes on beyond it
TRIED = 600  # quadrangles whose inside is looked at
SEEN, CLEAR = 0.6, 0.4  # shares of all four sides that must be seen, from right outside and from farther out
SURE, LEAST, LEAST_CLEAR = 0.6, 0.35, 0.3  # shares of the worst side: for sure, for want of a better one
PATTERN, PLAIN = 0.4, 0.25  # difference of log light within nine pixels that is no paper; how far below it is some
PAPER = 0.4  # share of the sheet that must be plain
ONE_TONE = 0.25  # share of a sheet's pixels that may be of its very commonest colour: above it is drawn, not shot
ASLANT = np.deg2rad(2)  # of a sheet's sides against the picture's: a panel that was drawn lies straight


def find_sheet(image: Image.Image) -> Corners | None:
    """[4, 2]: the corners x, y of the sheet from the upper left one on clockwise, in pixels of this RGB picture.

    None when there is none in it, and for what is no photo: paper that is of one colour all over, to the last digit,
    was hardly before a lens, unless it lies aslant and is not quite white (a lens and a strong compression).
    """
    scale = min(1.0, LOOK / max(image.size))
    small = at_most(image, LOOK, 16)
    light = _light(small)
    even = _even(light)
    edges = [*straight_edges(light, even, STEP, EDGES), *border_edges(*small.size)]
    found = quadrangles(light, even, edges, STEP)

    def is_paper(corners: Corners) -> bool:
        return float(_paper_shares(even, corners[None])[0]) > PAPER

    seen = _whole_sheet(light, even, found, SURE) or find_cut_sheet(light, found, is_paper)
    seen = seen or _whole_sheet(light, even, found, LEAST)
    if seen is None or _is_drawn(small, seen[0]):
        return None
    corners = refined(image, (seen[0] + 0.5) / scale - 0.5, 1 / scale)
    return completed(corners, seen[1])


def _whole_sheet(light: Floats, even: Floats, found: Quadrangles, least: float) -> Seen | None:
    """The best one with four sides in the photo: as of `find_cut_sheet`. least: share of each that must be seen."""
    size = np.array(light.shape[::-1])
    seen, clear = found.seen.mean(1), found.clear.mean(1)
    beyond = ((found.corners < -OUT * size) | (found.corners > (1 + OUT) * size)).any((1, 2))
    kept = (found.area > np.where(beyond, CUT_AREA, AREA)) & found.sides.all(1) & (seen > SEEN) & (clear > CLEAR)
    kept &= (found.seen.min(1) > least) & (found.clear.min(1) > LEAST_CLEAR)
    worth = np.where(kept, np.minimum(seen, clear) ** 4 * found.area**0.75, 0)
    order = np.argsort(-worth)[:min(TRIED, int((worth > 0).sum()))]
    if not len(order):
        return None
    paper = _paper_shares(even, found.corners[order])
    final = np.where(paper > PAPER, worth[order] * paper**0.75, 0)
    best = order[int(final.argmax())]
    if final.max() <= 0 or not is_left_on_all_sides(light, found.corners[best]):
        return None
    return found.corners[best], found.sides[best]


def _light(small: Image.Image) -> Floats:
    """log of the darkest channel, thin dark lines closed: [h, w]. A coloured desk is dark in one of its channels."""
    closed = small.filter(ImageFilter.MaxFilter(7)).filter(ImageFilter.MinFilter(7))
    soft = np.asarray(closed.filter(ImageFilter.BoxBlur(1)), dtype=np.float32).min(-1) / 255
    found: Floats = np.log(soft + 0.04)
    return found


def _even(light: Floats) -> Floats:
    """[h, w] in [0, 1]: 0 where light differs by PATTERN or more within nine pixels."""
    high, low = (spread_out(torch.from_numpy(light), 9, sign) for sign in (1, -1))
    found: Floats = ((PATTERN - (high - low)) / PLAIN).clamp(0, 1).numpy()
    return found


def _within(corners: Corners, size: tuple[int, int], count: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """corners: [N, 4, 2] -> [N, count, count, 2], a grid of pixels x, y inside each, and which lie in the picture."""
    share = np.linspace(0.04, 0.96, count)
    u, v = (part[..., None] for part in np.meshgrid(share, share))
    a, b, c, d = (corners[:, k, None, None] for k in range(4))
    at = np.rint((1 - v) * ((1 - u) * a + u * b) + v * ((1 - u) * d + u * c)).astype(int)
    inside = np.asarray(((at >= 0) & (at < size)).all(-1))
    return np.clip(at, 0, np.array(size) - 1), inside


def _paper_shares(even: Floats, corners: Corners) -> Floats:
    """[N]: how plain the inside is, times how plain along the worst of its sides, where few drawings go.

    A shadow on it takes its own edge away and no more.
    """
    at, within = _within(corners, (even.shape[1], even.shape[0]), 16)
    plain = np.where(within, even[at[..., 1], at[..., 0]], 0.5)
    rims = [plain[:, :2], plain[:, -2:], plain[:, :, :2], plain[:, :, -2:]]
    found: Floats = plain.mean((1, 2)) * np.stack([rim.mean((1, 2)) for rim in rims]).min(0)
    return found


def _is_drawn(small: Image.Image, corners: Corners) -> bool:
    """Whether the inside is of one colour to the last digit, and white or straight as nothing is that a camera took."""
    at, within = _within(corners[None], small.size, 40)
    colours = (np.asarray(small, dtype=np.int64)[at[..., 1], at[..., 0]] @ (1, 256, 65536))[within]
    tones, counts = np.unique(colours, return_counts=True)
    commonest = int(tones[counts.argmax()])
    return bool(counts.max() > ONE_TONE * len(colours)) and (commonest == WHITE or not _aslant(corners))


def _aslant(corners: Corners) -> bool:
    """Whether all sides of [4, 2] are turned against the picture's by ASLANT or more."""
    sides = np.roll(corners, -1, 0) - corners
    turned = np.arctan2(np.abs(sides).min(1), np.abs(sides).max(1))
    return bool((turned > ASLANT).all())

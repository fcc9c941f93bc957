"""A photo of paper -> the sheet alone, straightened and in even light."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from .grey import spread_out
from .quadrangles import Corners
from .sheet_search import find_sheet
from .small_copies import at_most

LONGEST = 2560  # pixels of a straightened sheet: more holds no more of the drawing
RIM = 0.004  # of a sheet's sides, taken off all around: the edge of the paper is no line
FIELD = 320  # pixels, the longer side at which the light is measured
ACROSS = 0.12  # of the longer side: dark areas up to that stay dark
LEVELS = (0.85, 0.96)  # of what is measured as paper that becomes white, by its grain
GRAIN = 2.0  # times its spread that paper may be darker than it is


@dataclass(frozen=True)
class Sheet:
    """corners: [4][x, y] in the photo's pixels, from the sheet's upper left clockwise; size: of the straightened."""

    corners: tuple[tuple[float, float], ...]
    size: tuple[int, int]

    def straightened(self, photo: Image.Image) -> Image.Image:
        """The sheet out of a picture of the photo's shape, any mode; a mask follows its sketch in this way."""
        return _straightened(photo, np.array(self.corners), self.size)


def sheet_of(photo: Image.Image) -> Sheet | None:
    """The sheet in an opaque picture, None when there is none; no picture is made yet."""
    if photo.mode != "RGB":
        return None
    corners = find_sheet(photo)
    if corners is None:
        return None
    middle = corners.mean(0)
    corners = middle + (corners - middle) * (1 - 2 * RIM)
    width, height = _true_shape(corners, photo.size)
    scale = min(1.0, LONGEST / max(width, height))
    size = (max(16, round(width * scale)), max(16, round(height * scale)))
    return Sheet(tuple((float(x), float(y)) for x, y in corners), size)


def _true_shape(corners: Corners, photo: tuple[int, int]) -> tuple[float, float]:
    """Width and height of the sheet in the photo's pixels.

    Where it is seen aslant the ratio follows from the camera: square pixels, its axis in the middle of the photo
    (Zhang and He, "Whiteboard scanning and image enhancement", 2007, section 3.2); else from the sides' lengths.
    """
    a, b, c, d = corners
    width = (np.hypot(*(b - a)) + np.hypot(*(c - d))) / 2
    height = (np.hypot(*(d - a)) + np.hypot(*(c - b))) / 2
    ratio = _ratio(corners - (np.array(photo) - 1) / 2)
    if ratio is None or not 0.6 < ratio / (width / height) < 1.6:
        return float(width), float(height)
    area = width * height
    return float(np.sqrt(area * ratio)), float(np.sqrt(area / ratio))


def _ratio(corners: Corners) -> float | None:
    """Width over height, of corners about the camera's axis; None where the sides are too nearly parallel to tell."""
    m1, m2, m4, m3 = (np.array((x, y, 1.0)) for x, y in corners)  # Zhang's order: upper, then lower ones from the left
    k2 = np.cross(m1, m4) @ m3 / (np.cross(m2, m4) @ m3)
    k3 = np.cross(m1, m4) @ m2 / (np.cross(m3, m4) @ m2)
    n2, n3 = k2 * m2 - m1, k3 * m3 - m1
    if abs(n2[2] * n3[2]) < 1e-4:
        return None
    squared = -(n2[0] * n3[0] + n2[1] * n3[1]) / (n2[2] * n3[2])  # eq. 21, the focal length
    if not 0.25 < squared / float(np.abs(corners).max()) ** 2 < 100:
        return None
    scale = np.array((1 / squared, 1 / squared, 1.0))
    return float(np.sqrt((n2 * n2 @ scale) / (n3 * n3 @ scale)))


def _straightened(photo: Image.Image, corners: Corners, size: tuple[int, int]) -> Image.Image:
    longest = max(np.hypot(*(corners[k] - corners[k - 1])) for k in range(4))
    factor = max(1, int(longest / max(size) + 0.05))  # a plain mean where whole pixels would be passed over
    if factor > 1:
        photo = photo.reduce(factor)
    w, h = size
    target = np.array(((0, 0), (w, 0), (w, h), (0, h)), dtype=np.float64)
    source = (corners + 0.5) / factor  # Pillow counts from the corner of the first pixel
    rows = []
    for (x, y), (u, v) in zip(target, source):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    terms = np.linalg.solve(np.array(rows), source.ravel())
    beyond = "white" if photo.mode == "RGB" else 0  # of the photo, there is paper, and nothing of a mask
    return photo.transform(size, Image.Transform.PERSPECTIVE, tuple(terms), Image.Resampling.BILINEAR,
                           fillcolor=beyond)


def in_even_light(sheet: Image.Image) -> Image.Image:
    """RGB -> the same with white paper: each channel divided by that of the paper, whatever lamp, shadow or lens.

    The paper is what a closing by a square leaves (as in the extractor "paper"), but with the edges of shadows kept.
    """
    small = at_most(sheet, FIELD)
    across = max(3, round(ACROSS * max(small.size)) // 2 * 2 + 1)
    closed = [spread_out(spread_out(channel, across), across, -1)
              for channel in torch.from_numpy(np.array(small)).permute(2, 0, 1).float()]
    u8 = torch.stack(closed, -1).to(torch.uint8).numpy()
    field = Image.fromarray(u8).filter(ImageFilter.GaussianBlur(1.5))
    return _divided(sheet, field.resize(sheet.size, Image.Resampling.BILINEAR))


def _divided(sheet: Image.Image, field: Image.Image) -> Image.Image:
    """By strips of rows: a whole sheet in floats would be large."""
    out = np.empty((sheet.height, sheet.width, 3), np.uint8)
    picture, paper = np.asarray(sheet), np.asarray(field)
    white = _white(picture, paper)
    for top in range(0, sheet.height, 256):
        rows = slice(top, top + 256)
        level = np.maximum(paper[rows].astype(np.float32), 8) * (white / 255)
        out[rows] = np.minimum(picture[rows] / level, 255).astype(np.uint8)
    return Image.fromarray(out)


def _white(picture: NDArray[np.uint8], paper: NDArray[np.uint8]) -> float:
    """The share of the measured paper that is shown as white: most of the grain lies above."""
    step = max(1, picture.shape[0] * picture.shape[1] // 200_000)
    some, own = (part.reshape(-1, 3)[::step].astype(np.float32) for part in (picture, np.maximum(paper, 8)))
    share = (some / own).min(-1)
    middle = float(np.median(share))
    spread = middle - float(np.quantile(share[share > 0.7 * middle], 0.16))
    return float(np.clip(middle - GRAIN * spread, *LEVELS))

"""Which way round a picture is drawn, and what lies under its transparency: told from a small copy of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from ..method.settings import Polarity
from .flattening import BLACK, WHITE, as_unit, over_paper
from .frame import without_frame
from .grey import LOOK, local_mean, otsu, spread_out, telling_channel
from .lineart import polarity_score

HAT = 0.04  # of the root of the area: what is narrower is a thin mark
SHOWS = 0.25  # white shows nothing when it shows less than this share of what black shows
HINT = 0.02  # of the thin marks that black shows: of a body that has some at all
CLEAR_BORDER, CLEAR_AREA = 0.1, 0.3  # shares of transparent pixels that make transparency the paper
FLAT = 0.02  # contrast: of one colour all over
NOTHING = 1e-3  # mean contrast over the picture
PAINTED, PLAIN = 0.1, 1.6  # see `is_painted`; the worst of 150 line drawings have 0.21 and 1.44


@dataclass(frozen=True)
class WayRound:
    """polarity: never AUTO. paper: the grey that transparency is laid over. clear: transparency is the paper itself.

    painted: a shaded picture of its own, whose outlines are darker than what they bound. told: by itself, not given.
    """

    polarity: Polarity
    paper: int = WHITE
    clear: bool = False
    painted: bool = False
    transparent: bool = False
    told: bool = True

    def __str__(self) -> str:
        how = "told by itself" if self.told else "as asked"
        under = f", transparency over {'white' if self.paper == WHITE else 'black'}" if self.transparent else ""
        return f"{self.polarity.value} ({how}){under}"


def way_round(small: Image.Image, asked: Polarity = Polarity.AUTO) -> WayRound:
    """small: RGB or RGBA, as `small_copy` gives it.

    Under transparency lies white unless white shows (next to) nothing of the drawing. Where transparency is the paper,
    the lines are what differs from it; else the picture is looked at as an opaque one.
    """
    transparent = small.mode == "RGBA"
    if asked is not Polarity.AUTO:
        paper = WHITE if asked is Polarity.DARK_ON_LIGHT else BLACK
        return WayRound(asked, paper, transparent=transparent, told=False)
    paper = under_transparency(small) if transparent else WHITE
    if transparent and _is_clear(as_unit(small)[3]):
        polarity = Polarity.DARK_ON_LIGHT if paper == WHITE else Polarity.LIGHT_ON_DARK
        return WayRound(polarity, paper, clear=True, transparent=True)
    grey = telling_channel(without_frame(as_unit(over_paper(small, paper))))
    painted = is_painted(grey)
    dark = painted or polarity_score(grey) >= 0
    return WayRound(Polarity.DARK_ON_LIGHT if dark else Polarity.LIGHT_ON_DARK, paper, painted=painted,
                    transparent=transparent)


def small_copy(image: Image.Image) -> Image.Image:
    """RGB or RGBA, averaged down to an area of at most LOOK x LOOK, so that a strip is seen as well as a square."""
    factor = math.sqrt(image.width * image.height) / LOOK
    if factor <= 1:
        return image
    size = (max(1, round(image.width / factor)), max(1, round(image.height / factor)))
    return image.resize(size, Image.Resampling.BOX, reducing_gap=2.0)


def under_transparency(small: Image.Image) -> int:
    """WHITE or BLACK: the first unless the drawing can hardly be seen on it. small: RGBA.

    Compared are thin marks of either kind. A highlight, a pixel, a signature are little of a drawing, so they decide
    nothing. A dark body within a white rim (a sticker) has most of its edges on white, if faint marks.
    """
    white, black = (as_unit(over_paper(small, grey)) for grey in (WHITE, BLACK))
    marks, edges = (thin_marks(white), thin_marks(black)), (_edges(white), _edges(black))
    if max(marks) < NOTHING:
        return WHITE if edges[0] >= SHOWS * edges[1] else BLACK
    a_body = marks[0] >= HINT * marks[1] and edges[0] >= SHOWS * edges[1]
    return WHITE if marks[0] >= SHOWS * marks[1] or a_body else BLACK


def thin_marks(picture: Tensor) -> float:
    """Mean contrast of what is thin, darker or lighter than what is around it. picture: [3, h, w] in [0, 1]."""
    size = hat_size(picture)
    darkest, lightest = picture.amin(0), picture.amax(0)
    dark = spread_out(spread_out(darkest, size), size, -1) - darkest
    light = lightest - spread_out(spread_out(lightest, size, -1), size)
    return float(dark.mean() + light.mean())


def hat_size(picture: Tensor) -> int:
    """Odd, in pixels: of the square that closes over thin marks."""
    return max(3, round(math.sqrt(picture.shape[-2] * picture.shape[-1]) * HAT / 2) * 2 + 1)


def is_painted(grey: Tensor) -> bool:
    """Whether a picture has shades of its own and not two levels, thin marks aside. grey: [h, w] in [0, 1].

    Measured is how much the picture without thin marks differs from its local mean, in parts of the contrast between
    its two classes: line art, filled hair and uneven light differ by all of it or by nothing.
    """
    if float(grey.max() - grey.min()) < FLAT:
        return False
    threshold = otsu(grey)
    light = grey > threshold
    contrast = max(float(grey[light].median() - grey[~light].median()), FLAT)
    size = hat_size(grey)
    closed = spread_out(spread_out(grey, size), size, -1)
    plain = spread_out(spread_out(closed, size, -1), size)
    differs = 2 * (plain - local_mean(plain, round(math.sqrt(plain.numel()) / 16))).abs() / contrast
    half, full = float(((differs > 0.08) & (differs < 0.45)).float().mean()), float((differs >= 0.45).float().mean())
    return half > PAINTED and half > PLAIN * (full + 0.01)


def _is_clear(alpha: Tensor) -> bool:
    clear = alpha < 0.5
    border = torch.cat([clear[0], clear[-1], clear[:, 0], clear[:, -1]])
    return float(border.float().mean()) > CLEAR_BORDER or float(clear.float().mean()) > CLEAR_AREA


def _edges(picture: Tensor) -> float:
    down = (picture[:, 1:] - picture[:, :-1]).abs().mean() if picture.shape[1] > 1 else torch.zeros(())
    across = (picture[:, :, 1:] - picture[:, :, :-1]).abs().mean() if picture.shape[2] > 1 else torch.zeros(())
    return float(down + across)

"""Pictures made smaller without losing thin marks: a thin line keeps the ink it has where it was drawn.

An average takes ink from a line in proportion as the line is narrower than a pixel; a minimum ("min pooling", a grey
erosion: Serra 1982; Haralick, Sternberg and Zhuang 1987) keeps it, but makes every line a pixel wider on either side,
joins close ones, and turns hatching and dot tone into black. So both are asked: the average says where a thin mark is
and how it lies between the pixels, the minimum says how dark it is. A thin mark is what an opening by three pixels
takes away (white top hat: Meyer 1979); where several marks share a pixel, which the spread of values beside them
tells, they are tone and stay what the average says.

That is thinning and drawing anew (Zhang and Suen 1984) but for greys, without the thinning: a mark's centre is told to
parts of a pixel, as Steger 1998 does it for curvilinear structures. Downscalers that keep details (Oeztireli and Gross
2015, Weber et al. 2016) weigh pixels by how they differ, but know no lines. Learned simplification (Simo-Serra et al.
2016) would draw lines of its own; here every line stays where it is.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .canvas import resize_lines

TELLING = 2 / 255  # of ink in an average: less is nothing, much more a mark
QUIET, GRAIN = 0.25, 6.0  # share of a picture that has no mark at all; times what stands out there, for a mark
TONE, LINE = 0.3, 0.6  # share of a thin mark in all that varies there: below it is tone, above a line
AREA, SPARSE, CROWDED = 9, 0.2, 0.35  # pixels; share of marks in an area, and of gaps: dot tone and hatching have both
SURE = 1.25  # of the darkest pixel of a mark, as much as that is full ink
PALE = 4.0  # one over the share of its ink that a mark's darkest pixel lacks, from which on it gets all
FULL = 1.0  # ink of a drawing's lines, in the middle: with less they are all made darker
MOST = 3.0  # by how much at most


def shrunk_lines(lines: Tensor, height: int, width: int) -> Tensor:
    """lines: [B, 3, h, w], +1 on -1 -> [B, 3, height, width] whose thin lines have full ink.

    Like `canvas.resize_lines` (antialiased bicubic, not clamped), but that no ink is lost. What is not made smaller is
    left to that, bit for bit.
    """
    plain = resize_lines(lines, height, width)
    if not _smaller(lines, height, width):
        return plain
    ink = (lines[:, :1] + 1) / 2  # the three channels of a sketch are alike
    low, high = -_most(-ink, height, width), _most(ink, height, width)
    mean = _without_overshoot((plain[:, :1] + 1) / 2, low, high)
    kept, mark = with_marks(mean, low, high)
    kept = _brought_up(kept, mark)
    return torch.where((kept - mean).abs() > 1e-6, kept * 2 - 1, plain)


def shrunk_picture(picture: Tensor, height: int, width: int) -> Tensor:
    """picture: [B, C, h, w] in [0, 1], of any kind -> [B, C, height, width], its thin marks kept, dark and light."""
    mean = resize_lines(picture, height, width).clamp(0, 1)
    if not _smaller(picture, height, width):
        return mean
    low, high = 1 - _most(picture, height, width), _most(1 - picture, height, width)  # of ink: a mark is dark
    kept, _ = with_marks(_without_overshoot(1 - mean, low, high), low, high)
    return 1 - kept


def _without_overshoot(mean: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Bicubic resizing goes beyond the values that there are; the middle of a grey line would look like a gap in it."""
    return torch.minimum(torch.maximum(mean, -dilated(-low)), dilated(high))


def _smaller(picture: Tensor, height: int, width: int) -> bool:
    return picture.shape[-2] > height or picture.shape[-1] > width


def _most(picture: Tensor, height: int, width: int) -> Tensor:
    """The largest value of each cell, [B, C, h, w] -> [B, C, height, width]; a side that is short is left alone."""
    h, w = picture.shape[-2:]
    found = F.adaptive_max_pool2d(picture, (min(h, height), min(w, width)))
    return found if found.shape[-2:] == (height, width) else F.interpolate(found, (height, width), mode="nearest")


def with_marks(mean: Tensor, low: Tensor, high: Tensor, spare: bool = False) -> tuple[Tensor, Tensor]:
    """Averages whose thin marks have their ink again, and light gaps between dark marks their light; and the marks.

    mean, low, high: [B, C, H, W] in [0, 1], average, least and most ink of each pixel's cell; all channels apart.
    spare: leave an area alone that is full of marks, dark and light: what is to be made smaller still would join them.
    """
    darker, mark = _missing(mean, low, high)
    lighter, gap = _missing(1 - mean, 1 - high, 1 - low)
    if spare:
        full = torch.minimum(*(F.avg_pool2d(each, AREA, 1, AREA // 2, count_include_pad=False) for each in (mark, gap)))
        alone = (1 - (full - SPARSE) / (CROWDED - SPARSE)).clamp(0, 1)
        darker, lighter = darker * alone, lighter * alone
    return torch.where(darker >= lighter, mean + darker, mean - lighter), mark


def _missing(mean: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """What thin dark marks lack of their ink, and where they are, both [B, C, H, W] in [0, 1]."""
    ground = dilated(-dilated(-mean))  # an opening
    thin = (mean - ground).clamp(min=0)
    near = dilated(thin)
    tone = (ground + dilated(-low)).clamp(min=0)  # what varies within a pixel, and is no mark of its own
    grain = GRAIN * float(near.flatten()[:: max(1, near.numel() // 100_000)].quantile(QUIET))
    share = near / (near + tone + TELLING + grain)
    line = ((share - TONE) / (LINE - TONE)).clamp(0, 1)
    mark = line * (SURE * thin / (near + TELLING)).clamp(max=1)
    full = dilated(high)
    lack = (PALE * (full - dilated(mean)) / full.clamp(min=TELLING)).clamp(0, 1)  # 0: its darkest pixel has all
    wanted = lack * (ground + mark * (full - ground) - mean)
    return torch.minimum(wanted, high - mean).clamp(min=0), mark  # a speck beside a line is no line


def _brought_up(ink: Tensor, mark: Tensor) -> Tensor:
    """Thin marks darker by one factor for all, where the middle one of them is too pale."""
    middle = mark > 0.7
    if not bool(middle.any()):
        return ink
    level = float(ink[middle].median())
    if level >= FULL:
        return ink
    factor = min(FULL / max(level, 1e-3), MOST)
    return torch.maximum(ink, (ink * (1 + mark * (factor - 1))).clamp(max=1))


def dilated(picture: Tensor) -> Tensor:
    """The largest value of each pixel and its eight neighbours, [B, C, h, w]."""
    for axis in (-2, -1):  # a pooling of torch's does the same in five times the time
        inner, found = picture.shape[axis] - 1, picture.clone()
        for place in (0, 1):
            part = found.narrow(axis, place, inner)
            torch.maximum(part, picture.narrow(axis, 1 - place, inner), out=part)
        picture = found
    return picture

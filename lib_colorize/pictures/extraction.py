"""Line extractors at the scale that the model is shown, so that a scan of any size gives the same lines."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from .ink import shrunk_picture
from .lineart import extract, extractor, require_lines
from .marks import MULTIPLE

MOST_ENLARGED = 2.0  # times: a small picture has no more in it
LOOKED_AT = 1024  # pixels, the longer side at which lines are sought that no model is shown


def extract_at_scale(dark: Tensor, colours: Tensor, name: str, shown: tuple[int, int] | None) -> Tensor:
    """Lines [3, h, w] in [-1, 1], +1 on -1, by the extractor of that name; ColorizeError when it finds none.

    dark: [3, h, w] in [0, 1], dark lines on light paper; colours: the same picture in its own colours. shown: (width,
    height) on the model's canvas: h and w are MULTIPLE times those. None: they are the picture's own.
    """
    chosen = extractor(name)
    if name == "none" or (shown is None and chosen.at_scale is None):
        return extract(dark, name)
    height, width = dark.shape[-2:]
    h, w = sought_at((width, height), shown)[::-1]
    draw, picture = (chosen.draw, dark) if chosen.at_scale is None else (chosen.at_scale, colours)
    lines = draw(picture if (h, w) == (height, width) else shrunk_picture(picture[None], h, w)[0])
    require_lines(lines, name)
    if shown is None and (h, w) != (height, width):
        lines = F.interpolate(lines[None], (height, width), mode="bicubic")[0].clamp(0, 1)
    return (lines * 2 - 1).expand(3, -1, -1)


def sought_at(size: tuple[int, int], shown: tuple[int, int] | None) -> tuple[int, int]:
    """(width, height) at which lines are sought in a picture of that size."""
    w, h = size
    if shown is None:
        across = down = min(1.0, LOOKED_AT / max(size))
    else:
        across, down = (min(MOST_ENLARGED, MULTIPLE * there / here) for there, here in zip(shown, size))
    return max(1, round(w * across)), max(1, round(h * down))

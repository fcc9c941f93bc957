"""Widths of an SVG's strokes: what most of them have, and other ones, stroke by stroke."""

from __future__ import annotations

import re
import statistics
import zlib
from collections.abc import Callable

_ELEMENT = re.compile(r"<[a-zA-Z]+\s[^>]*?stroke-width[^>]*>")
_WIDTH = re.compile(r"(stroke-width\s*[=:]\s*\"?\s*)([0-9.]+)")
_PLACE = re.compile(r"\s(?:d|points|x1|y1|x2|y2|cx|cy|x|y)\s*=\s*\"[^\"]*\"")
_VIEW_BOX = re.compile(r"viewBox\s*=\s*\"\s*([-0-9.]+)[ ,]+([-0-9.]+)[ ,]+([-0-9.]+)[ ,]+([-0-9.]+)\s*\"")


def usual_width(svg: str) -> float:
    """The median stroke width as a part of the view box's longer side; 0 for a drawing without strokes."""
    widths = [float(m[2]) for m in _WIDTH.finditer(svg) if float(m[2]) > 0]
    box = _VIEW_BOX.search(svg)
    return statistics.median(widths) / max(float(box[3]), float(box[4])) if widths and box else 0.0


def scale_each_stroke(svg: str, factor: Callable[[float], float]) -> str:
    """The SVG with every stroke width times `factor` of a number in [0, 1) that the stroke's geometry decides.

    So the same line gets the same width in a coloured drawing and in its line art.
    """

    def element(match: re.Match[str]) -> str:
        place = "".join(_PLACE.findall(match[0]))
        times = factor(zlib.crc32(place.encode()) / 2**32)
        return _WIDTH.sub(lambda m: f"{m[1]}{float(m[2]) * times:.3f}", match[0])

    return _ELEMENT.sub(element, svg)

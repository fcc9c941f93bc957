"""New colours and geometry for an SVG: colours of a picture must come from its reference, never from its shape."""

from __future__ import annotations

import colorsys
import random
import re
import xml.etree.ElementTree as ElementTree

_HEX = re.compile(r"#(?:[0-9a-fA-F]{6}|[0-9a-fA-F]{3})\b")
_STROKE_WIDTH = re.compile(r"(stroke-width\s*[=:]\s*\"?\s*)([0-9.]+)")
_VIEW_BOX = re.compile(r"viewBox\s*=\s*\"\s*([-0-9.]+)[ ,]+([-0-9.]+)[ ,]+([-0-9.]+)[ ,]+([-0-9.]+)\s*\"")


def _full(colour: str) -> str:
    digits = colour.lstrip("#").lower()
    return "#" + ("".join(c * 2 for c in digits) if len(digits) == 3 else digits)


def palette(rng: random.Random, count: int) -> list[str]:
    """`count` colours of one scheme as #rrggbb: hues within a random arc, saturation and value within random ranges."""
    hue, arc = rng.random(), rng.choice((0.06, 0.2, 0.5, 1.0))
    s_low = rng.choice((0.05, 0.3, 0.55))
    v_low = rng.choice((0.2, 0.5, 0.75))
    colours = []
    for _ in range(count):
        if rng.random() < 0.12:  # greys, white among them
            level = rng.choice((1.0, 1.0, rng.uniform(0.3, 0.95)))
            rgb = (level, level, level)
        else:
            rgb = colorsys.hsv_to_rgb((hue + arc * rng.random()) % 1, rng.uniform(s_low, 1.0), rng.uniform(v_low, 1.0))
        colours.append("#%02x%02x%02x" % tuple(round(255 * c) for c in rgb))
    return colours


def fills(svg: str) -> list[str]:
    """The colours of an SVG but black, which is the colour of its lines, in order of appearance."""
    found = dict.fromkeys(_full(c) for c in _HEX.findall(svg))
    return [c for c in found if c != "#000000"]


def recolour(svg: str, mapping: dict[str, str]) -> str:
    """The SVG with every colour replaced that `mapping` names (#rrggbb, lower case)."""
    return _HEX.sub(lambda m: mapping.get(_full(m[0]), m[0]), svg)


def line_art(svg: str) -> str:
    """Line art of a drawing with black lines: every other colour becomes white."""
    return recolour(svg, dict.fromkeys(fills(svg), "#ffffff"))


def outline(svg: str, colours: set[str], width: float) -> str:
    """Black outlines around the shapes filled with one of `colours` that have none; width in parts of the view box.

    Some avatars draw hair or glasses as bare colour, which line art cannot show.
    """
    ElementTree.register_namespace("", "http://www.w3.org/2000/svg")
    root = ElementTree.fromstring(svg)
    side = float(root.get("viewBox", "0 0 100 100").split()[2])
    for element in root.iter():
        if _full(element.get("fill", "none")) in colours and element.get("stroke") is None:
            element.set("stroke", "#000000")
            element.set("stroke-width", f"{width * side:.2f}")
    return ElementTree.tostring(root, encoding="unicode")


def blacken_strokes(svg: str) -> str:
    """The SVG with every coloured stroke drawn in black."""
    return re.sub(r"(stroke\s*=\s*\")#(?:[0-9a-fA-F]{6}|[0-9a-fA-F]{3})(?=\")", r"\g<1>#000000", svg)


def scale_strokes(svg: str, factor: float) -> str:
    """The SVG with every stroke width times `factor`."""
    return _STROKE_WIDTH.sub(lambda m: f"{m[1]}{float(m[2]) * factor:.3f}", svg)


def reframe(svg: str, zoom: float, dx: float, dy: float) -> str:
    """The SVG seen through a window `1 / zoom` of its size, moved by (dx, dy) of its width; zoom < 1 adds margins."""

    def window(match: re.Match[str]) -> str:
        x, y, w, h = (float(match[i]) for i in range(1, 5))
        side = max(w, h) / zoom
        x, y = x + w / 2 - side / 2 + dx * w, y + h / 2 - side / 2 + dy * w
        return f'viewBox="{x:.3f} {y:.3f} {side:.3f} {side:.3f}"'

    return _VIEW_BOX.sub(window, svg, count=1)


def leaned(svg: str, matrix: tuple[float, float, float, float]) -> str:
    """The SVG's drawing turned, stretched or slanted about the middle of its window; matrix: [[a, c], [b, d]] as SVG's
    (a, b, c, d).
    """
    found = _VIEW_BOX.search(svg)
    if found is None:
        return svg
    x, y, w, h = (float(found[i]) for i in range(1, 5))
    place = f"translate({x + w / 2:.4f} {y + h / 2:.4f})", f"translate({-x - w / 2:.4f} {-y - h / 2:.4f})"
    a, b, c, d = matrix
    begin, end = svg.index(">", found.end()) + 1, svg.rindex("</")
    return (f'{svg[:begin]}<g transform="{place[0]} matrix({a:.4f} {b:.4f} {c:.4f} {d:.4f} 0 0) {place[1]}">'
            f"{svg[begin:end]}</g>{svg[end:]}")

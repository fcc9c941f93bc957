"""Streamline's emojis (CC BY 4.0) as drawings whose parts have outlines: shades belong to the part that they shade."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from lib_colorize.errors import ColorizeError
from training.small import recolour
from training.small.drawings import Drawing, Group
from training.small.svg_sources import held_out

ICONS = Path("@iconify-json") / "streamline-emojis" / "icons.json"
INK = "#45413c"  # of all lines
SHADOW = re.compile(r"<path [^>]*opacity=\"[^\"]*\"[^>]*/>")  # on the ground, around nothing
FAMILIES = (  # a colour with the shades and lights that are painted over it, without a line between them
    ("#ffe500", "#ebcb00", "#fff48c"), ("#ff6242", "#e04122", "#ff866e", "#ffa694"), ("#ffaa54", "#ff8a14", "#eb6d00"),
    ("#00b8f0", "#009fd9", "#4acfff", "#80ddff", "#b8ecff"), ("#a86c4d", "#724f3d", "#bf8256", "#915e3a", "#de926a"),
    ("#ffcebf", "#ffb59e", "#ffdcd1"), ("#ff87af", "#ff6196", "#ffb0ca"), ("#6dd627", "#46b000", "#9ceb60", "#c8ffa1"),
    ("#daedf7", "#c0dceb", "#e8f4fa"), ("#adc4d9", "#8ca4b8", "#627b8c"), ("#656769", "#525252", "#87898c"),
    ("#ffffff", "#f0f0f0", "#e0e0e0", "#bdbec0"), ("#debb7e", "#f0d5a8", "#b89558", "#f7e5c6"),
    ("#bf8df2", "#9f5ae5", "#dabff5"), ("#00dba8", "#00f5bc", "#00ad85"), ("#00dfeb", "#4aeff7", "#00c9d4"),
    ("#fff5e3", "#fffacf", "#fffce5", "#fffef2"),
)
BASE = {colour: family[0] for family in FAMILIES for colour in family}
SKIN, HAIR = ("#ffcebf", "#ffe500"), "#a86c4d"
PEOPLE = re.compile(r"(^|-)(man|men|woman|women|boy|girl|prince|princess|guard|detective|bride|selfie)(-|$)")


def streamline_drawings(packages: Path, test: bool = False) -> Iterator[Drawing]:
    """Those of the test set, or of the training set; one of equal line art alone.

    Held out is, as with OpenMoji, a tenth by its name without a number (`cook-1` and `cook-2` are one drawing with
    other skin), and all that has the line art of a held-out one.
    """
    file = packages / ICONS
    if not file.is_file():
        raise ColorizeError(f"{file}: no such file, expected the npm package @iconify-json/streamline-emojis; run "
                            "npm ci --prefix training")
    icons = json.loads(file.read_text(encoding="utf-8"))
    size = f"0 0 {icons['width']} {icons['height']}"
    drawings = {name: streamline_drawing(name, icon["body"], size) for name, icon in icons["icons"].items()}
    kept = {name for name in drawings if held_out(re.sub(r"-\d+$", "", name))}
    seen = set() if test else {drawings[name].lines for name in kept}
    for name, drawing in drawings.items():
        if (name in kept) == test and drawing.parts and drawing.lines not in seen:
            seen.add(drawing.lines)
            yield drawing


def streamline_drawing(name: str, body: str, view_box: str) -> Drawing:
    """One icon; a person has hair and skin where both are drawn in their usual colours."""
    svg = (f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="{view_box}">'
           f'<g stroke-width="1">{SHADOW.sub("", body)}</g></svg>')
    svg = recolour.recolour(svg, {INK: "#000000"})
    bases = list(dict.fromkeys(BASE.get(colour, colour) for colour in recolour.fills(svg)))
    placeholders = {base: f"#0b00{number:02x}" for number, base in enumerate(bases)}
    svg = recolour.recolour(svg, {colour: placeholders[BASE.get(colour, colour)] for colour in recolour.fills(svg)})
    skin = next((colour for colour in SKIN if colour in placeholders), None)
    figure = bool(PEOPLE.search(name)) and skin is not None and HAIR in placeholders
    names = {skin: "skin", HAIR: "hair"} if figure else {}
    parts: dict[str, tuple[str, ...]] = {
        names.get(base, f"color {base}"): (placeholder,) for base, placeholder in placeholders.items()}
    return Drawing(f"streamline/{name}", Group.UNSEEN, figure, svg, recolour.line_art(svg), parts)

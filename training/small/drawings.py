"""What the benchmark is drawn from: held-out SVGs whose parts have placeholder colours under known names."""

from __future__ import annotations

import enum
import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lib_colorize.errors import ColorizeError
from training.small import recolour
from training.small.svg_sources import AVATARS, STYLES, Avatar, avatars, openmoji

UNSEEN_STYLES = ("bigEars", "dylan", "miniavs")  # all CC BY 4.0; nothing is trained on them
SEEDS = "evidence-"  # of the benchmark's avatars; training's have none
PART_OF = {  # colour options of DiceBear that mean hair, skin and clothes; the others (eyes, glasses) have no partner
    "hairColor": "hair", "facialHairColor": "hair", "headContrastColor": "hair", "skinColor": "skin",
    "baseColor": "skin", "clothingColor": "clothes", "clothesColor": "clothes", "shirtColor": "clothes",
    "bodyColor": "clothes",
}
PARTS = ("hair", "skin", "clothes")
PERSON = ("person", "family", "healthcare", "people", "hair")  # beginnings of OpenMoji subgroups with whole figures
SVG = "{http://www.w3.org/2000/svg}"


class Group(enum.Enum):
    """Where a drawing comes from, which is what a result is averaged over."""

    OPENMOJI = "OpenMoji, unseen"
    TRAINED = "avatars, trained styles"
    UNSEEN = "avatars, unseen styles"


@dataclass(frozen=True)
class Drawing:
    """An SVG in placeholder colours and its line art.

    parts: part -> its placeholders. "hair", "skin" and "clothes" mean the same in all figures, other names nothing.
    """

    name: str
    group: Group
    figure: bool
    svg: str
    lines: str
    parts: dict[str, tuple[str, ...]]


def avatar_drawings(count: int) -> Iterator[Drawing]:
    """`count` avatars of each trained and of each unseen style, none of them among the trained ones."""
    known = {avatar.svg for avatar in avatars(AVATARS)}
    for avatar in avatars(count, (*STYLES, *UNSEEN_STYLES), SEEDS):
        if avatar.svg not in known:
            yield avatar_drawing(avatar)


def avatar_drawing(avatar: Avatar) -> Drawing:
    """With the parts that are drawn in it."""
    drawn = set(recolour.fills(avatar.svg))
    parts: dict[str, tuple[str, ...]] = {}
    for option, placeholder in avatar.parts.items():
        if placeholder in drawn:
            name = PART_OF.get(option, option)
            parts[name] = (*parts.get(name, ()), placeholder)
    group = Group.TRAINED if avatar.style in STYLES else Group.UNSEEN
    return Drawing(f"dicebear/{avatar.seed}", group, True, avatar.svg, avatar.lines, parts)


def openmoji_drawings(packages: Path, test: bool = True) -> Iterator[Drawing]:
    """Every OpenMoji of the test set, or of the training set, with line art of its own.

    Figures are those that have the groups `skin` and `hair`.
    """
    index = packages / "openmoji" / "data" / "openmoji.json"
    if not index.is_file():
        raise ColorizeError(f"{index}: no such file, expected the npm package openmoji; run npm ci --prefix training")
    subgroups = {entry["hexcode"]: entry["subgroups"] for entry in json.loads(index.read_text(encoding="utf-8"))}
    for name, svg, lines in openmoji(packages / "openmoji", test):
        marked, parts = mark(svg)
        person = subgroups[name.removeprefix("openmoji/")].startswith(PERSON)
        figure = person and {"hair", "skin"} <= set(parts)
        if parts:
            yield Drawing(name, Group.OPENMOJI, figure, marked, lines, parts)


def mark(svg: str) -> tuple[str, dict[str, tuple[str, ...]]]:
    """An OpenMoji with a placeholder for each colour of each of its groups, and the parts.

    Fills of `hair` are hair, those of `skin` are skin. Of other groups every colour is a part of its own
    ("color #ea5a47"), which has no partner in another drawing. Black stays: it is the colour of lines.
    """
    ElementTree.register_namespace("", "http://www.w3.org/2000/svg")
    root = ElementTree.fromstring(svg)
    parts: dict[str, tuple[str, ...]] = {}
    numbers: dict[tuple[str, str], str] = {}
    for layer in root:
        group = layer.get("id", "")
        if layer.tag == f"{SVG}defs" or group.startswith(("line", "grid")):
            continue
        for element in layer.iter():
            for attribute in ("fill", "stroke", "style"):
                text = element.get(attribute, "")
                colours = recolour.fills(text)
                for colour in colours:
                    key = (group, colour)
                    if key not in numbers:
                        numbers[key] = f"#0b00{len(numbers):02x}"
                        part = group if group in ("hair", "skin") else f"{group} {colour}"
                        parts[part] = (*parts.get(part, ()), numbers[key])
                if colours:
                    element.set(attribute, recolour.recolour(text, {c: numbers[group, c] for c in colours}))
    return ElementTree.tostring(root, encoding="unicode"), parts

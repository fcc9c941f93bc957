"""Licensed drawings as SVG: OpenMoji, and DiceBear avatars with placeholder colours. No file of the held-out tenth."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib_colorize.errors import ColorizeError
from training.small import recolour

HERE = Path(__file__).parent.parent
STYLES = ("adventurer", "lorelei", "micah", "openPeeps")  # CC BY 4.0, CC0, CC BY 4.0, CC0; all have drawn lines
OUTLINED = ("adventurer",)  # the styles whose every part has a drawn outline
GROUPS = ("activities", "animals-nature", "extras-openmoji", "food-drink", "objects", "people-body",
          "smileys-emotion", "travel-places")
VARIANTS, AVATARS = 6, 700  # recolourings of each OpenMoji, avatars of each style
PACKAGES = HERE / "node_modules"


def held_out(hexcode: str) -> bool:
    """True for the OpenMoji that nothing may be trained on."""
    return int(hashlib.md5(hexcode.encode()).hexdigest(), 16) % 10 == 0


def openmoji(folder: Path, test: bool = False) -> Iterator[tuple[str, str, str]]:
    """(name, colour SVG, line SVG) of the training glyphs, or of the held-out ones; equal line art only once.

    Skin tones share their line art: a glyph with the lines of a held-out one is not trained on either.
    """
    entries = json.loads((folder / "data" / "openmoji.json").read_text(encoding="utf-8"))
    seen: set[str] = set() if test else {lines for *_, lines in openmoji(folder, test=True)}
    for entry in entries:
        code = entry["hexcode"]
        colour, black = folder / "color" / "svg" / f"{code}.svg", folder / "black" / "svg" / f"{code}.svg"
        if entry["group"] not in GROUPS or held_out(code) != test or not (colour.exists() and black.exists()):
            continue
        lines = black.read_text(encoding="utf-8")
        if lines not in seen:
            seen.add(lines)
            yield f"openmoji/{code}", colour.read_text(encoding="utf-8"), lines


@dataclass(frozen=True)
class Avatar:
    """One DiceBear avatar; parts: colour option -> placeholder colour in `svg`, which is white in `lines`."""

    style: str
    seed: str
    svg: str
    lines: str
    parts: dict[str, str]


BIG_HEADS = 400  # of Big Heads (MIT): people to the waist, with clothes, of one style that the benchmark has not


def big_heads(count: int = BIG_HEADS) -> Iterator[Avatar]:
    """`count` Big Heads, as avatars: every colour is a placeholder, lines are strokes."""
    for item in _drawn_by_node("bigheads.mjs", str(count)):
        svg = item["svg"]
        yield Avatar(item["style"], item["seed"], svg, recolour.line_art(recolour.blacken_strokes(svg)), item["parts"])


def avatars(count: int, styles: Sequence[str] = STYLES, seeds: str = "") -> Iterator[Avatar]:
    """`count` avatars of each style with seeds SEEDS + STYLE-0 and so on; colours are placeholders."""
    for item in _drawn_by_node("avatars.mjs", str(count), *(["--seeds", seeds] if seeds else []), *styles):
        svg = item["svg"].replace('mask="url(#viewboxMask)"', "")  # its white must not be recoloured
        if item["style"] not in OUTLINED:
            parts = {c for c in recolour.fills(svg) if c.startswith("#0a00")}
            svg = recolour.outline(svg, parts, width=0.012)
        yield Avatar(item["style"], item["seed"], svg, recolour.line_art(recolour.blacken_strokes(svg)), item["parts"])


def _drawn_by_node(script: str, *arguments: str) -> Iterator[dict[str, Any]]:
    """What a script of this folder prints, line by line; ColorizeError when it cannot run."""
    command = ["node", str(HERE / script), *arguments]
    try:
        output = subprocess.run(command, check=True, capture_output=True, text=True, encoding="utf-8", cwd=HERE).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        why = getattr(error, "stderr", "") or str(error)
        raise ColorizeError(f"avatars: found {why.strip().splitlines()[-1]!r}, expected Node 18 and the npm packages; "
                            "run npm ci --prefix training") from None
    yield from map(json.loads, output.splitlines())

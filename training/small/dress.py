"""The colours that a drawing is shown in: of its parts and of what is behind it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from lib_colorize.pictures.colour_spaces import lab_of
from training.small import recolour
from training.small.colour import ciede2000, rgb_of
from training.small.drawings import PARTS, Drawing

APART = 25.0  # CIEDE2000 between any two of hair, skin, clothes and background: no colour can pass for another
PATTERNS = ("stripes", "checks", "dots", "rings")


@dataclass(frozen=True)
class Dress:
    """Colours (#rrggbb) of parts and background; `background`: one colour, or two of a pattern."""

    parts: dict[str, str]
    background: tuple[str, ...]
    pattern: str = ""


def choose(drawing: Drawing, rng: random.Random, busy: bool) -> Dress:
    """Named parts and the background APART from each other, everything else in any colour."""
    named = [part for part in PARTS if part in drawing.parts]
    count = len(named) + (2 if busy else 1)
    while True:
        colours = [recolour.palette(rng, 1)[0] for _ in range(count)]
        if not busy and rng.random() < 0.5:
            colours[-1] = "#ffffff"
        if apart(colours):
            break
    others = [part for part in drawing.parts if part not in PARTS]
    parts = dict(zip(named, colours)) | {part: recolour.palette(rng, 1)[0] for part in others}
    return Dress(parts, tuple(colours[len(named):]), rng.choice(PATTERNS) if busy else "")


def apart(colours: list[str]) -> bool:
    """True when any two differ by APART."""
    points = np.stack([lab_of(rgb_of(colour)) for colour in colours])
    distance = ciede2000(points[:, None], points[None]) + 1e3 * np.eye(len(points))
    return bool((distance >= APART).all())


def backdrop(dress: Dress, size: int, rng: random.Random) -> Image.Image:
    """RGB: one colour, or a pattern of two with a period of 1/8 to 1/4 of the side."""
    colours = [rgb_of(colour) for colour in dress.background]
    if not dress.pattern:
        return Image.new("RGB", (size, size), dress.background[0])
    period, angle = size * rng.uniform(0.125, 0.25), rng.uniform(0, np.pi)
    y, x = (axis + 0.5 for axis in np.ogrid[:size, :size])
    u, v = ((np.cos(angle) * x + np.sin(angle) * y) / period, (np.cos(angle) * y - np.sin(angle) * x) / period)
    masks: dict[str, Callable[[], np.ndarray]] = {
        "stripes": lambda: u % 1 < 0.5, "checks": lambda: (u % 1 < 0.5) ^ (v % 1 < 0.5),
        "dots": lambda: np.hypot(u % 1 - 0.5, v % 1 - 0.5) < 0.4,
        "rings": lambda: np.hypot(x - size / 2, y - size / 2) / period % 1 < 0.5,
    }
    first = masks[dress.pattern]()
    return Image.fromarray(np.stack(colours[::-1]).astype(np.uint8)[first.astype(np.intp)])

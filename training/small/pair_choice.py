"""Which drawing is coloured by which other one, and in which of its colours."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from lib_colorize.errors import ColorizeError
from lib_colorize.pictures.colour_spaces import lab_of
from training.small.colour import rgb_of
from training.small.drawings import PARTS, Drawing
from training.small.dress import Dress
from training.small.figures import FRONT, LEAST_PART, coverage, with_clothes

AVATARS_OF = ("dicebear/", "bigheads/")
MEASURED = 48  # px, to find the areas of parts


@dataclass(frozen=True)
class Sized:
    """A drawing with its parts, the largest first; those too small to be seen are left out."""

    drawing: Drawing
    parts: tuple[str, ...]

    @classmethod
    def of(cls, drawing: Drawing) -> Sized:
        drawing = with_clothes(drawing)
        areas = {part: float(coverage(drawing, part, FRONT, MEASURED).clip(0).mean()) for part in drawing.parts}
        return cls(drawing, tuple(sorted((p for p in areas if areas[p] >= LEAST_PART), key=lambda p: -areas[p])))


@dataclass(frozen=True)
class PairMix:
    """One way to choose sketch and reference; share: of all pairs."""

    share: float
    sketches: str
    references: str  # "same": the sketch's own drawing, seen otherwise


PAIR_MIX = (
    PairMix(0.28, "avatars", "avatars"), PairMix(0.24, "figures", "figures"), PairMix(0.08, "figures", "avatars"),
    PairMix(0.04, "avatars", "figures"), PairMix(0.12, "things", "things"), PairMix(0.06, "things", "everyone"),
    PairMix(0.06, "everyone", "things"), PairMix(0.12, "everyone", "same"))


def groups(found: Sequence[Sized]) -> dict[str, list[Sized]]:
    """What the names in PAIR_MIX mean."""
    listed = [sized for sized in found if sized.parts]
    figures = [s for s in listed if s.drawing.figure]
    named = {"avatars": [s for s in figures if s.drawing.name.startswith(AVATARS_OF)],
             "figures": [s for s in figures if not s.drawing.name.startswith(AVATARS_OF)],
             "things": [s for s in listed if not s.drawing.figure], "everyone": listed}
    for name, some in named.items():
        if len(some) < 2:
            raise ColorizeError(f"{name}: found {len(some)} drawings, expected 2 or more; check the npm packages")
    return named


def choose_pair(
    rng: random.Random, named: dict[str, list[Sized]], mix: Sequence[PairMix] = PAIR_MIX,
) -> tuple[Sized, Sized]:
    """Sketch and reference."""
    kind = rng.choices(mix, [k.share for k in mix])[0]
    sketch = rng.choice(named[kind.sketches])
    return sketch, sketch if kind.references == "same" else rng.choice(named[kind.references])


def answer(sketch: Sized, reference: Sized, dress: Dress, rng: random.Random) -> Dress:
    """The colours that the sketch takes from a reference so dressed."""
    if sketch is reference:
        return Dress(dress.parts, (plain(dress),))
    if not (sketch.drawing.figure and reference.drawing.figure):
        colours = [dress.parts[part] for part in reference.parts]
        parts = {part: colours[i % len(colours)] for i, part in enumerate(sketch.parts)}
    else:
        parts = {part: dress.parts[part] for part in PARTS if part in sketch.parts and part in reference.parts}
        others = [dress.parts[part] for part in reference.parts if part not in parts] or [*dress.parts.values()]
        left = [part for part in sketch.parts if part not in parts]
        parts |= {part: others[i % len(others)] for i, part in enumerate(left)}
    seen = [*dress.parts.values()]
    return Dress(parts | {p: rng.choice(seen) for p in sketch.drawing.parts if p not in parts}, (plain(dress),))


def plain(dress: Dress) -> str:
    """The background of a sketch without one: the lighter of a pattern's colours."""
    return max(dress.background, key=lambda colour: float(lab_of(rgb_of(colour))[0]))

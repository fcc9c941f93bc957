"""Pairs of different drawings in the same colours, for the small model: sketch and picture of one, reference another.

    python -m training.build_pairs --out data/pairs [--pairs 48000] [--size 128] [--seed 0]

The paper's data have no such pairs; drawings with known parts do. Hair, skin and clothes of a figure take the colours
that these have in the reference; all else goes by area, the largest part by the largest. A plain background is the
reference's; of a pattern it is the lighter colour, so that no pattern is ever to be painted where the sketch is blank.
Everything is drawn from what training.build_data trains on. Writes color/, sketch/, reference/, index.jsonl and
about.json.
"""

from __future__ import annotations

import argparse
import functools
import multiprocessing
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from lib_colorize.errors import ColorizeError
from training.dataset.shards import Written
from training.small.build_data import AVATARS, PACKAGES, avatars, write_samples
from training.small.colour import lab, rgb_of
from training.small.drawings import PARTS, Drawing, avatar_drawing, openmoji_drawings
from training.small.figures import (
    FRONT,
    LEAST_PART,
    Dress,
    View,
    choose,
    coverage,
    paint,
    require_drawable,
    with_clothes,
)

Drawn = TypeVar("Drawn")
MEASURED = 48  # px, to find the areas of parts
BUSY = 0.4  # share of references with a pattern behind them


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
class Kind:
    """One way to choose sketch and reference; share: of all pairs."""

    share: float
    sketches: str
    references: str  # "same": the sketch's own drawing, seen otherwise


KINDS = (
    Kind(0.28, "avatars", "avatars"), Kind(0.24, "figures", "figures"), Kind(0.08, "figures", "avatars"),
    Kind(0.04, "avatars", "figures"), Kind(0.12, "things", "things"), Kind(0.06, "things", "everyone"),
    Kind(0.06, "everyone", "things"), Kind(0.12, "everyone", "same"))


def drawings(packages: Path) -> list[Drawing]:
    """Everything that may be trained on and has parts."""
    return [*openmoji_drawings(packages, test=False), *map(avatar_drawing, avatars(AVATARS))]


def groups(found: Sequence[Sized]) -> dict[str, list[Sized]]:
    """What the names in KINDS mean."""
    listed = [sized for sized in found if sized.parts]
    figures = [s for s in listed if s.drawing.figure]
    named = {"avatars": [s for s in figures if s.drawing.name.startswith("dicebear/")],
             "figures": [s for s in figures if not s.drawing.name.startswith("dicebear/")],
             "things": [s for s in listed if not s.drawing.figure], "everyone": listed}
    for name, some in named.items():
        if len(some) < 2:
            raise ColorizeError(f"{name}: found {len(some)} drawings, expected 2 or more; check the npm packages")
    return named


def choose_pair(rng: random.Random, named: dict[str, list[Sized]]) -> tuple[Sized, Sized]:
    """Sketch and reference."""
    kind = rng.choices(KINDS, [k.share for k in KINDS])[0]
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
    return max(dress.background, key=lambda colour: float(lab(rgb_of(colour))[0]))


def draw_pair(number: int, named: dict[str, list[Sized]], size: int, seed: int) -> Written:
    """A pure function of its arguments."""
    rng = random.Random(f"{seed}:{number}")
    sketch, reference = choose_pair(rng, named)
    dress = choose(reference.drawing, rng, rng.random() < BUSY)
    color, lines = paint(sketch.drawing, answer(sketch, reference, dress, rng), View.draw(rng), size, rng)
    other, _ = paint(reference.drawing, dress, View.draw(rng), size, rng)
    return Written(f"{number:06d}", color, lines, reference=other)


_NAMED: dict[str, list[Sized]] = {}  # of a worker: what it draws from


def _begin(named: dict[str, list[Sized]]) -> None:
    _NAMED.update(named)


def _draw(number: int, draw: Callable[[int, dict[str, list[Sized]]], Drawn]) -> Drawn:
    return draw(number, _NAMED)


def draw_all(draw: Callable[[int, dict[str, list[Sized]]], Drawn], packages: Path, count: int) -> Iterator[Drawn]:
    """draw(number, groups of drawings) for `count` numbers, in order, by all processors; a function of a module."""
    with multiprocessing.Pool() as pool:
        named = groups(pool.map(Sized.of, drawings(packages), chunksize=16))
    with multiprocessing.Pool(initializer=_begin, initargs=(named,)) as pool:
        yield from pool.imap(functools.partial(_draw, draw=draw), range(count), chunksize=64)


def build(out: Path, packages: Path, count: int, size: int, seed: int) -> int:
    """Draws everything; returns the number of pairs."""
    require_drawable(count, size)
    return write_samples(out, draw_all(functools.partial(draw_pair, size=size, seed=seed), packages, count))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("data/pairs"))
    parser.add_argument("--packages", type=Path, default=PACKAGES, help="folder of the npm packages")
    parser.add_argument("--pairs", type=int, default=48_000)
    parser.add_argument("--size", type=int, default=128, help="px")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(arguments)
    try:
        count = build(args.out, args.packages, args.pairs, args.size, args.seed)
    except ColorizeError as error:
        sys.exit(f"error: {error}")
    print(f"{count} pairs of {args.size} px in {args.out}")

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
from pathlib import Path
from typing import TypeVar

from lib_colorize.errors import ColorizeError
from training.dataset.shards import Written
from training.small.build_data import write_samples
from training.small.drawings import Drawing, avatar_drawing, openmoji_drawings
from training.small.dress import choose
from training.small.figures import View, paint, require_drawable
from training.small.pair_choice import Sized, answer, choose_pair, groups
from training.small.svg_sources import AVATARS, PACKAGES, avatars

Drawn = TypeVar("Drawn")
BUSY = 0.4  # share of references with a pattern behind them


def all_drawings(packages: Path) -> list[Drawing]:
    """Everything that may be trained on and has parts."""
    return [*openmoji_drawings(packages, test=False), *map(avatar_drawing, avatars(AVATARS))]


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
        named = groups(pool.map(Sized.of, all_drawings(packages), chunksize=16))
    with multiprocessing.Pool(initializer=_begin, initargs=(named,)) as pool:
        yield from pool.imap(functools.partial(_draw, draw=draw), range(count), chunksize=64)


def build_pair_set(out: Path, packages: Path, count: int, size: int, seed: int) -> int:
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
        count = build_pair_set(args.out, args.packages, args.pairs, args.size, args.seed)
    except ColorizeError as error:
        sys.exit(f"error: {error}")
    print(f"{count} pairs of {args.size} px in {args.out}")

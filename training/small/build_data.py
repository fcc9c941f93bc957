"""Pictures for the small model: OpenMoji and DiceBear SVGs -> pairs of line art and recoloured picture.

    python -m training.build_data --out data/small [--size 128] [--variants 6] [--avatars 700]

Writes color/*.zip, sketch/*.zip (black lines on white), index.jsonl and about.json, the layout that training reads.
Held out of it, for the demo and for tests, is every OpenMoji whose hexcode h has int(md5(h).hexdigest(), 16) % 10 == 0,
and every other one with the same line art.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import multiprocessing
import random
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from lib_colorize.errors import ColorizeError
from training.dataset.about import About, write_about
from training.dataset.shards import Written, merge_index, write_shard
from training.small import recolour
from training.small.rasterize import render
from training.small.svg_sources import (
    AVATARS,
    PACKAGES,
    VARIANTS,
    avatars,
    openmoji,
)

SHARD = 1000  # pairs in a zip
ABOUT = About(
    licence="CC BY-SA 4.0",
    trained_on="OpenMoji (CC BY-SA 4.0) and DiceBear avatars: Adventurer and Lorelei by Lisa Wischofsky, Micah by "
               "Micah Lanier, Open Peeps by Pablo Stanley")


def draw_variant(item: tuple[str, str, str], variant: int, size: int) -> tuple[np.ndarray, np.ndarray] | None:
    """(colour [S, S, 3], sketch [S, S]) of one variant, a pure function of (name, variant); None if not drawable."""
    name, colour_svg, line_svg = item
    rng = random.Random(f"{name}:{variant}")
    keep = name.startswith("openmoji") and rng.random() < 0.1
    found = recolour.fills(colour_svg)
    colours = palette_of(rng, len(found) + 1)
    mapping = {} if keep else dict(zip(found, colours))
    background = colours[-1] if rng.random() < 0.4 else "#ffffff"
    strokes, zoom = rng.uniform(0.55, 1.15), rng.uniform(0.8, 1.25)
    dx, dy = rng.uniform(-0.08, 0.08), rng.uniform(-0.08, 0.08)
    pictures = []
    for svg, paper in ((recolour.recolour(colour_svg, mapping), background), (line_svg, "#ffffff")):
        try:
            pictures.append(render(recolour.reframe(recolour.scale_strokes(svg, strokes), zoom, dx, dy), size, paper))
        except (ValueError, OSError):
            return None
    colour, sketch = pictures
    if rng.random() < 0.5:
        colour, sketch = colour[:, ::-1], sketch[:, ::-1]
    return np.ascontiguousarray(colour), np.ascontiguousarray(sketch.mean(axis=2).round().astype(np.uint8))


def palette_of(rng: random.Random, count: int) -> list[str]:
    """One scheme three times in four, else every colour from a scheme of its own."""
    if rng.random() < 0.75:
        return recolour.palette(rng, count)
    return [recolour.palette(rng, 1)[0] for _ in range(count)]


def _draw(job: tuple[tuple[str, str, str], int], size: int) -> tuple[str, tuple[np.ndarray, np.ndarray] | None]:
    item, variant = job
    return item[0], draw_variant(item, variant, size)


def build_samples(out: Path, packages: Path, size: int, variants: int, avatar_count: int) -> int:
    """Draws everything; returns the number of pairs."""
    items = list(openmoji(packages / "openmoji"))
    jobs = [(item, v) for item in items for v in range(variants)]
    jobs += [((f"dicebear/{a.seed}", a.svg, a.lines), v) for a in avatars(avatar_count) for v in range(2)]
    with multiprocessing.Pool() as pool:
        drawn = pool.imap(functools.partial(_draw, size=size), jobs, chunksize=64)
        return write_pairs(out, ((name, variant, pair) for (_, variant), (name, pair) in zip(jobs, drawn)))


def write_pairs(out: Path, drawn: Iterable[tuple[str, int, tuple[np.ndarray, np.ndarray] | None]]) -> int:
    """Shards of the pairs that could be drawn; returns how many."""
    return write_samples(out, (
        Written(f"{name.replace('/', '-')}-{variant}", Image.fromarray(pair[0]), Image.fromarray(pair[1]))
        for name, variant, pair in drawn if pair is not None))


def write_samples(out: Path, drawn: Iterable[Written]) -> int:
    """Shards of those that show something, for without lines there is no sketch to learn from; returns how many."""
    samples = (sample for sample in drawn if (np.asarray(sample.sketch) < 128).mean() >= 0.005)
    shards: list[str] = []
    count = 0
    while part := list(itertools.islice(samples, SHARD)):
        shards.append(f"{len(shards):04d}")
        count += write_shard(out, shards[-1], part)
    merge_index(out, shards)
    write_about(out, ABOUT)
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("data/small"))
    parser.add_argument("--packages", type=Path, default=PACKAGES, help="folder of the npm packages")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--variants", type=int, default=VARIANTS, help="recolourings of each OpenMoji")
    parser.add_argument("--avatars", type=int, default=AVATARS, help="avatars of each style")
    args = parser.parse_args()
    try:
        count = build_samples(args.out, args.packages, args.size, args.variants, args.avatars)
    except ColorizeError as error:
        sys.exit(f"error: {error}")
    print(f"{count} pairs of {args.size} px in {args.out}")

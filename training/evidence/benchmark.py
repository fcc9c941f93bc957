"""The benchmark: mismatched pairs of sketch and reference for which the right colour of each part is known.

    python -m training.evidence.benchmark --out data/evidence [--pairs 32] [--size 128] [--seed 0]

Needs the npm packages (npm ci --prefix training). Writes pictures/NAME.{color,sketch,labels}.png, benchmark.json and
sheet.png; the same seed and packages make the same bytes. docs/evidence.md says what is expected of each pair.
"""

from __future__ import annotations

import argparse
import enum
import hashlib
import json
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lib_colorize.console import take_any_text
from lib_colorize.errors import ColorizeError
from lib_colorize.whole_file import write_whole
from training.dataset.shards import encode
from training.small.build_data import HERE, PACKAGES
from training.small.colour import rgb_of
from training.small.drawings import PARTS, Drawing, Group, avatar_drawings, openmoji_drawings
from training.small.figures import (
    LEAST_PART,
    Dress,
    Dressed,
    View,
    choose,
    draw,
    number_of,
    require_drawable,
    with_clothes,
)
from training.trainer.dataclass_json import from_plain, to_plain

AVATARS = 24  # of each style
FEWEST = 16  # different sketches of each group that make a benchmark worth the name


class Kind(enum.Enum):
    """The four pair types of the paper's user study: sketch, reference."""

    FIGURE_FIGURE = "figure by figure"
    FIGURE_OTHER = "figure by another thing"
    OTHER_FIGURE = "another thing by figure"
    OTHER_OTHER = "another thing by another"


@dataclass(frozen=True)
class Pair:
    """One question: colour the sketch of picture `sketch` by the picture `reference`.

    parts: labels of the sketch that stand for something. colours, expected: #rrggbb.
    """

    name: str
    kind: Kind
    group: Group
    drawings: tuple[str, ...]  # sources of sketch and reference
    busy: bool  # the reference has a pattern behind it
    labels: tuple[str, ...]  # "background" and parts that are seen in the sketch
    expected: tuple[str, ...]  # for each label the right colour, "" where there is none
    palette: tuple[str, ...]  # all colours that are seen in the reference


@dataclass(frozen=True)
class Benchmark:
    """A folder that `build` made."""

    folder: Path
    pairs: tuple[Pair, ...]
    names: dict[str, tuple[str, ...]]  # picture -> parts in the order of their labels
    digest: str

    def picture(self, name: str, kind: str) -> Image.Image:
        """kind: color, sketch or labels."""
        with Image.open(self.folder / "pictures" / f"{name}.{kind}.png") as image:
            found: Image.Image = image.convert("RGB" if kind == "color" else "L")
            return found

    def sketch(self, pair: Pair) -> Image.Image:
        """Line art, L: what is coloured."""
        return self.picture(f"{pair.name}-sketch", "sketch")

    def own(self, pair: Pair) -> Image.Image:
        """The sketch's own picture, RGB, in colours of no meaning for the pair."""
        return self.picture(f"{pair.name}-sketch", "color")

    def reference(self, pair: Pair) -> Image.Image:
        """RGB: what the colours are to come from."""
        return self.picture(f"{pair.name}-reference", "color")

    def region(self, pair: Pair, label: str) -> np.ndarray:
        """[S, S] bool: pixels of the sketch that wholly belong to a part."""
        name = f"{pair.name}-sketch"
        found: np.ndarray = np.asarray(self.picture(name, "labels")) == number_of(label, self.names[name])
        return found


def open_benchmark(folder: Path) -> Benchmark:
    """ColorizeError when it is missing or of another format."""
    path = folder / "benchmark.json"
    if not path.is_file():
        raise ColorizeError(f"{path}: no such file, expected a benchmark; make it with "
                            f"python -m training.evidence.benchmark --out {folder}")
    content = path.read_bytes()
    stored = json.loads(content)
    pairs = tuple(from_plain(Pair, pair) for pair in stored["pairs"])
    return Benchmark(folder, pairs, {k: tuple(v) for k, v in stored["names"].items()},
                     hashlib.sha256(content).hexdigest())


def seen(picture: Dressed, dress: Dress) -> dict[str, tuple[str, ...]]:
    """Parts, and "background", with at least LEAST_PART of the pixels, and their colours."""
    colours = {"background": dress.background} | {part: (colour,) for part, colour in dress.parts.items()}
    return {part: found for part, found in colours.items()
            if (picture.labels == number_of(part, picture.names)).mean() >= LEAST_PART}


def ask(
    name: str, kind: Kind, sketch: Drawing, reference: Drawing, busy: bool, size: int, seed: str,
) -> tuple[Pair, Dressed, Dressed]:
    """One pair, a pure function of its arguments. The sketch's own picture has a plain background."""
    rng = random.Random(f"{seed}:{name}")
    dresses = [choose(sketch, rng, False), choose(reference, rng, busy)]
    pictures = [draw(d, dress, View.draw(rng), size, rng) for d, dress in zip((sketch, reference), dresses)]
    labels, offered = (seen(picture, dress) for picture, dress in zip(pictures, dresses))
    shared = PARTS if kind is Kind.FIGURE_FIGURE else ()
    expected = [offered[label][0] if label in offered and (label in shared or (label == "background" and not busy))
                else "" for label in labels]
    palette = tuple(dict.fromkeys(colour for colours in offered.values() for colour in colours))
    pair = Pair(name, kind, sketch.group, (sketch.name, reference.name), busy, tuple(labels), tuple(expected), palette)
    return pair, pictures[0], pictures[1]


def ask_all(drawings: Sequence[Drawing], count: int, size: int, seed: int) -> list[tuple[Pair, Dressed, Dressed]]:
    """`count` pairs of figures for each group, and `count` of each other kind; every second reference is busy."""
    things = [d for d in drawings if not d.figure]
    figures = {group: [d for d in drawings if d.figure and d.group is group] for group in Group}
    everyone = [d for group in Group for d in figures[group]]
    for name, listed in {**{g.value: f for g, f in figures.items()}, "things": things}.items():
        if len(listed) < FEWEST:
            raise ColorizeError(f"{name}: found {len(listed)} drawings, expected {FEWEST} or more; check the versions "
                                "of the npm packages against training/package-lock.json")
    tasks = [(Kind.FIGURE_FIGURE, figures[group], figures[group]) for group in Group]
    tasks += [(Kind.FIGURE_OTHER, everyone, things), (Kind.OTHER_FIGURE, things, everyone),
              (Kind.OTHER_OTHER, things, things)]
    found = []
    for number, (kind, sketches, references) in enumerate(tasks):
        rng = random.Random(f"{seed}:{number}")
        order = rng.sample(sketches, len(sketches))
        made = 0
        for attempt in range(20 * count):
            sketch, reference = order[attempt % len(order)], rng.choice(references)
            if sketch is reference:
                continue
            asked = ask(f"{number}-{attempt:03d}", kind, sketch, reference, made % 2 == 1, size, str(seed))
            if worth_asking(asked[0]):
                found.append(asked)
                made += 1
            if made == count:
                break
        else:
            raise ColorizeError(f"{kind.value}: found {made} pairs worth asking, expected {count}; lower --pairs")
    return found


def worth_asking(pair: Pair) -> bool:
    """Figures share two parts at least; anything else shows one part at least beside its background."""
    named = [label for label, colour in zip(pair.labels, pair.expected) if colour and label in PARTS]
    return len(named) >= 2 if pair.kind is Kind.FIGURE_FIGURE else set(pair.labels) > {"background"}


def build(out: Path, packages: Path, count: int, size: int, seed: int) -> Benchmark:
    """Draw and write everything."""
    require_drawable(count, size)
    drawings = [*map(with_clothes, openmoji_drawings(packages)), *avatar_drawings(AVATARS)]
    return write(out, ask_all(drawings, count, size, seed), size, seed)


def write(out: Path, asked: Sequence[tuple[Pair, Dressed, Dressed]], size: int, seed: int) -> Benchmark:
    """All files; benchmark.json comes last, so an unfinished folder is no benchmark."""
    names: dict[str, tuple[str, ...]] = {}
    pixels = hashlib.sha256()
    for pair, sketch, reference in asked:
        for role, picture in (("sketch", sketch), ("reference", reference)):
            names[f"{pair.name}-{role}"] = picture.names
            path = out / "pictures" / f"{pair.name}-{role}"
            for kind, image in (("color", picture.color), ("sketch", picture.sketch),
                                ("labels", Image.fromarray(picture.labels))):
                write_whole(path.with_name(f"{path.name}.{kind}.png"), encode(image, "png"), parents=True)
                pixels.update(image.tobytes())
    write_whole(out / "sheet.png", encode(sheet(asked), "png"), parents=True)
    lock = json.loads((HERE / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    versions = {name: lock[f"node_modules/{name}"]["version"]
                for name in ("openmoji", "@dicebear/core", "@dicebear/collection")}
    content: dict[str, Any] = {"seed": seed, "size": size, "packages": versions, "pixels": pixels.hexdigest(),
                               "names": names, "pairs": [to_plain(pair) for pair, *_ in asked]}
    write_whole(out / "benchmark.json", json.dumps(content, indent=1), parents=True)
    return open_benchmark(out)


def sheet(asked: Sequence[tuple[Pair, Dressed, Dressed]], rows: int = 24) -> Image.Image:
    """To look at: sketch, its regions in the expected colours (grey: none is expected), and the reference."""
    chosen = asked[::max(1, len(asked) // rows) | 1]  # odd: plain and busy ones
    side = chosen[0][1].color.width
    columns = 4
    picture = Image.new("RGB", (columns * 3 * side, -(-len(chosen) // columns) * side), "white")
    for i, (pair, sketch, reference) in enumerate(chosen):
        shown = np.full((side, side, 3), 255, np.uint8)
        for label, colour in zip(pair.labels, pair.expected):
            shown[sketch.labels == number_of(label, sketch.names)] = rgb_of(colour or "#c0c0c0")
        x, y = i % columns * 3 * side, i // columns * side
        for j, cell in enumerate((sketch.sketch, Image.fromarray(shown), reference.color)):
            picture.paste(cell.convert("RGB"), (x + j * side, y))
    return picture


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("data/evidence"))
    parser.add_argument("--packages", type=Path, default=PACKAGES, help="folder of the npm packages")
    parser.add_argument("--pairs", type=int, default=32, help="of each of the six kinds and groups")
    parser.add_argument("--size", type=int, default=128, help="px")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(arguments)
    try:
        made = build(args.out, args.packages, args.pairs, args.size, args.seed)
    except ColorizeError as error:
        sys.exit(f"error: {error}")
    print(f"{len(made.pairs)} pairs in {args.out}, digest {made.digest[:16]}")


if __name__ == "__main__":
    take_any_text()
    main()

"""The benchmark: mismatched pairs of sketch and reference for which the right colour of each part is known.

    python -m training.evidence.benchmark --out data/evidence [--pairs 32] [--size 128] [--seed 0]

Needs the npm packages (npm ci --prefix training). Writes pictures/NAME.{color,sketch,labels}.png, benchmark.json and
sheet.png; the same seed and packages make the same bytes. docs/evidence.md says what is expected of each pair.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from lib_colorize.console import take_any_text
from lib_colorize.errors import ColorizeError
from lib_colorize.whole_file import write_whole
from training.dataset.shards import encode_picture
from training.evidence.benchmark_sheet import benchmark_sheet
from training.evidence.questions import Benchmark, PairKind, Question, open_benchmark
from training.small.drawings import PARTS, Drawing, Group, avatar_drawings, openmoji_drawings
from training.small.dress import Dress, choose
from training.small.figures import LEAST_PART, Dressed, View, draw_dressed, number_of, require_drawable, with_clothes
from training.small.svg_sources import HERE, PACKAGES
from training.trainer.dataclass_json import to_plain

AVATARS = 24  # of each style
FEWEST = 16  # different sketches of each group that make a benchmark worth the name


def seen(picture: Dressed, dress: Dress) -> dict[str, tuple[str, ...]]:
    """Parts, and "background", with at least LEAST_PART of the pixels, and their colours."""
    colours = {"background": dress.background} | {part: (colour,) for part, colour in dress.parts.items()}
    return {part: found for part, found in colours.items()
            if (picture.labels == number_of(part, picture.names)).mean() >= LEAST_PART}


def ask(
    name: str, kind: PairKind, sketch: Drawing, reference: Drawing, busy: bool, size: int, seed: str,
) -> tuple[Question, Dressed, Dressed]:
    """One pair, a pure function of its arguments. The sketch's own picture has a plain background."""
    rng = random.Random(f"{seed}:{name}")
    dresses = [choose(sketch, rng, False), choose(reference, rng, busy)]
    pictures = [draw_dressed(d, dress, View.draw(rng), size, rng) for d, dress in zip((sketch, reference), dresses)]
    labels, offered = (seen(picture, dress) for picture, dress in zip(pictures, dresses))
    shared = PARTS if kind is PairKind.FIGURE_FIGURE else ()
    expected = [offered[label][0] if label in offered and (label in shared or (label == "background" and not busy))
                else "" for label in labels]
    palette = tuple(dict.fromkeys(colour for colours in offered.values() for colour in colours))
    sources = (sketch.name, reference.name)
    question = Question(name, kind, sketch.group, sources, busy, tuple(labels), tuple(expected), palette)
    return question, pictures[0], pictures[1]


def ask_all(drawings: Sequence[Drawing], count: int, size: int, seed: int) -> list[tuple[Question, Dressed, Dressed]]:
    """`count` pairs of figures for each group, and `count` of each other kind; every second reference is busy."""
    things = [d for d in drawings if not d.figure]
    figures = {group: [d for d in drawings if d.figure and d.group is group] for group in Group}
    everyone = [d for group in Group for d in figures[group]]
    for name, listed in {**{g.value: f for g, f in figures.items()}, "things": things}.items():
        if len(listed) < FEWEST:
            raise ColorizeError(f"{name}: found {len(listed)} drawings, expected {FEWEST} or more; check the versions "
                                "of the npm packages against training/package-lock.json")
    tasks = [(PairKind.FIGURE_FIGURE, figures[group], figures[group]) for group in Group]
    tasks += [(PairKind.FIGURE_OTHER, everyone, things), (PairKind.OTHER_FIGURE, things, everyone),
              (PairKind.OTHER_OTHER, things, things)]
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


def worth_asking(pair: Question) -> bool:
    """Figures share two parts at least; anything else shows one part at least beside its background."""
    named = [label for label, colour in zip(pair.labels, pair.expected) if colour and label in PARTS]
    return len(named) >= 2 if pair.kind is PairKind.FIGURE_FIGURE else set(pair.labels) > {"background"}


def build_benchmark(out: Path, packages: Path, count: int, size: int, seed: int) -> Benchmark:
    """Draw and write everything."""
    require_drawable(count, size)
    drawings = [*map(with_clothes, openmoji_drawings(packages)), *avatar_drawings(AVATARS)]
    return write_benchmark(out, ask_all(drawings, count, size, seed), size, seed)


def write_benchmark(out: Path, asked: Sequence[tuple[Question, Dressed, Dressed]], size: int, seed: int) -> Benchmark:
    """All files; benchmark.json comes last, so an unfinished folder is no benchmark."""
    names: dict[str, tuple[str, ...]] = {}
    pixels = hashlib.sha256()
    for pair, sketch, reference in asked:
        for role, picture in (("sketch", sketch), ("reference", reference)):
            names[f"{pair.name}-{role}"] = picture.names
            path = out / "pictures" / f"{pair.name}-{role}"
            for kind, image in (("color", picture.color), ("sketch", picture.sketch),
                                ("labels", Image.fromarray(picture.labels))):
                write_whole(path.with_name(f"{path.name}.{kind}.png"), encode_picture(image, "png"), parents=True)
                pixels.update(image.tobytes())
    write_whole(out / "sheet.png", encode_picture(benchmark_sheet(asked), "png"), parents=True)
    lock = json.loads((HERE / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    versions = {name: lock[f"node_modules/{name}"]["version"]
                for name in ("openmoji", "@dicebear/core", "@dicebear/collection")}
    content: dict[str, Any] = {"seed": seed, "size": size, "packages": versions, "pixels": pixels.hexdigest(),
                               "names": names, "pairs": [to_plain(pair) for pair, *_ in asked]}
    write_whole(out / "benchmark.json", json.dumps(content, indent=1), parents=True)
    return open_benchmark(out)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("data/evidence"))
    parser.add_argument("--packages", type=Path, default=PACKAGES, help="folder of the npm packages")
    parser.add_argument("--pairs", type=int, default=32, help="of each of the six kinds and groups")
    parser.add_argument("--size", type=int, default=128, help="px")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(arguments)
    try:
        made = build_benchmark(args.out, args.packages, args.pairs, args.size, args.seed)
    except ColorizeError as error:
        sys.exit(f"error: {error}")
    print(f"{len(made.pairs)} pairs in {args.out}, digest {made.digest[:16]}")


if __name__ == "__main__":
    take_any_text()
    main()

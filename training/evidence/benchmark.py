"""The benchmark: mismatched pairs of sketch and reference for which the right colour of each part is known.

    python -m training.evidence.benchmark --out data/evidence [--set hard] [--pairs 32] [--size 128] [--seed 0]

Needs the npm packages (npm ci --prefix training). Writes pictures/NAME.{color,sketch,labels}.png, benchmark.json and
sheet.png, at the shipped model's size unless told another; the same seed and packages make the same bytes.
docs/evidence.md says what is expected of each pair.
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
from training.evidence.ask import Asked, ask, worth_asking
from training.evidence.benchmark_sheet import benchmark_sheet
from training.evidence.hard_set import ask_hard
from training.evidence.model_size import SHIPPED, painted_size
from training.evidence.questions import GROUPS, Benchmark, PairKind, QuestionSet, open_benchmark, plain_question
from training.small.drawings import Drawing, avatar_drawings, openmoji_drawings
from training.small.figures import require_drawable, with_clothes
from training.small.svg_sources import HERE, PACKAGES

AVATARS = 24  # of each style
SOURCES = ("openmoji", "@dicebear/core", "@dicebear/collection")
STREAMLINE = "@iconify-json/streamline-emojis"
FEWEST = 16  # different sketches of each group that make a benchmark worth the name


def ask_all(drawings: Sequence[Drawing], count: int, size: int, seed: int) -> list[Asked]:
    """`count` pairs of figures for each group, and `count` of each other kind; every second reference is busy."""
    things = [d for d in drawings if not d.figure]
    figures = {group: [d for d in drawings if d.figure and d.group is group] for group in GROUPS}
    everyone = [d for group in GROUPS for d in figures[group]]
    for name, listed in {**{g.value: f for g, f in figures.items()}, "things": things}.items():
        if len(listed) < FEWEST:
            raise ColorizeError(f"{name}: found {len(listed)} drawings, expected {FEWEST} or more; check the versions "
                                "of the npm packages against training/package-lock.json")
    tasks = [(PairKind.FIGURE_FIGURE, figures[group], figures[group]) for group in GROUPS]
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
            if worth_asking(asked.question):
                found.append(asked)
                made += 1
            if made == count:
                break
        else:
            raise ColorizeError(f"{kind.value}: found {made} pairs worth asking, expected {count}; lower --pairs")
    return found


def build_benchmark(
    out: Path, packages: Path, count: int, size: int, seed: int, which: QuestionSet = QuestionSet.STANDARD,
) -> Benchmark:
    """Draw and write everything; `count` pairs of each part of the set."""
    require_drawable(count, size)
    if which is QuestionSet.HARD:
        return write_benchmark(out, ask_hard(packages, count, size, seed), size, seed, (*SOURCES, STREAMLINE))
    drawings = [*map(with_clothes, openmoji_drawings(packages)), *avatar_drawings(AVATARS)]
    return write_benchmark(out, ask_all(drawings, count, size, seed), size, seed)


def write_benchmark(
    out: Path, asked: Sequence[Asked], size: int, seed: int, sources: Sequence[str] = SOURCES,
) -> Benchmark:
    """All files; benchmark.json comes last, so an unfinished folder is no benchmark. sources: npm packages."""
    names: dict[str, tuple[str, ...]] = {}
    pixels = hashlib.sha256()
    for pair, sketch, reference, lines in asked:
        for role, picture in (("sketch", sketch), ("reference", reference)):
            names[f"{pair.name}-{role}"] = picture.names
            path = out / "pictures" / f"{pair.name}-{role}"
            kinds = [("color", picture.color), ("sketch", picture.sketch), ("labels", Image.fromarray(picture.labels))]
            for kind, image in [*kinds, ("lines", lines)] if lines and role == "sketch" else kinds:
                write_whole(path.with_name(f"{path.name}.{kind}.png"), encode_picture(image, "png"), parents=True)
                pixels.update(image.tobytes())
    write_whole(out / "sheet.png", encode_picture(benchmark_sheet(asked), "png"), parents=True)
    lock = json.loads((HERE / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    versions = {name: lock[f"node_modules/{name}"]["version"] for name in sources}
    content: dict[str, Any] = {"seed": seed, "size": size, "packages": versions, "pixels": pixels.hexdigest(),
                               "names": names, "pairs": [plain_question(pair.question) for pair in asked]}
    write_whole(out / "benchmark.json", json.dumps(content, indent=1), parents=True)
    return open_benchmark(out)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("data/evidence"))
    parser.add_argument("--packages", type=Path, default=PACKAGES, help="folder of the npm packages")
    parser.add_argument("--pairs", type=int, default=32, help="of each of the six kinds, or of each hard trial")
    parser.add_argument("--size", type=int, help="px; default: the shipped model's")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", choices=[s.value for s in QuestionSet], default=QuestionSet.STANDARD.value,
                        help="hard: thin, grey, broken and doubled lines, and art of another hand")
    args = parser.parse_args(arguments)
    try:
        size = painted_size(SHIPPED) if args.size is None else args.size
        made = build_benchmark(args.out, args.packages, args.pairs, size, args.seed, QuestionSet(args.set))
    except ColorizeError as error:
        sys.exit(f"error: {error}")
    print(f"{len(made.pairs)} pairs in {args.out}, digest {made.digest[:16]}")


if __name__ == "__main__":
    take_any_text()
    main()

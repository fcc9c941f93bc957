"""Two references with regions: does each part take the colour of the reference that its region names?

    python -m training.evidence.two_references --benchmark data/evidence [--checkpoint FILE] [--pairs 32] [--out FILE]

Every figure of the evidence benchmark, coloured by its own reference and by that of the next figure of its group: the
second acts where the largest part is, painted roughly (grown by 1/32 of the picture), the first everywhere else. Right
is the colour that the reference of a part's own region has for it; where both have nearly the same nothing is asked.
Seed 0, default settings. Prints the shares within 10 and 20 CIEDE2000 as JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import binary_dilation

from lib_colorize.console import take_any_text
from lib_colorize.engine.engine import Engine
from lib_colorize.errors import ColorizeError
from lib_colorize.method.settings import Settings
from lib_colorize.pictures.extras import Extras, FurtherReference
from lib_colorize.whole_file import write_whole
from training.evidence.measures import FAR, colour_difference, colour_of, shares
from training.evidence.questions import Benchmark, PairKind, Question, open_benchmark
from training.small.colour import rgb_of

ROOT = Path(__file__).parents[2]
ROUGH = 32  # a region is painted 1/ROUGH of the picture beyond its part


@dataclass(frozen=True)
class SharedSketch:
    """The sketch of `own`, whose part `part` is to take its colour from the reference of `other`."""

    own: Question
    other: Question
    part: str

    @property
    def expected(self) -> dict[str, str]:
        """The right colour of each label that has one."""
        return {**_expected(self.own), self.part: _expected(self.other)[self.part]}


def _expected(question: Question) -> dict[str, str]:
    return {label: colour for label, colour in zip(question.labels, question.expected) if colour}


def shared_sketches(benchmark: Benchmark, count: int) -> Iterator[SharedSketch]:
    """Up to `count` of each group, in the benchmark's order."""
    figures = [pair for pair in benchmark.pairs if pair.kind is PairKind.FIGURE_FIGURE]
    for group in dict.fromkeys(pair.group for pair in figures):
        pairs = [pair for pair in figures if pair.group is group]
        for i, own in enumerate(pairs[:count]):
            others = (*pairs[i + 1:], *pairs[:i])
            found = next((made for other in others if (made := _shared(benchmark, own, other)) is not None), None)
            if found is not None:
                yield found


def _shared(benchmark: Benchmark, own: Question, other: Question) -> SharedSketch | None:
    """None where the other reference says nothing of the largest part, or nearly the same."""
    colours, theirs = _expected(own), _expected(other)
    part = max((label for label in colours if label != "background"),
               key=lambda label: int(benchmark.region(own, label).sum()))
    if part not in theirs or colour_difference(np.array(rgb_of(colours[part])), [theirs[part]]) < FAR:
        return None
    return SharedSketch(own, other, part)


def region_of(benchmark: Benchmark, shared: SharedSketch) -> Image.Image:
    """White over the part and a little more."""
    part = benchmark.region(shared.own, shared.part)
    painted = binary_dilation(part, iterations=max(1, len(part) // ROUGH))
    return Image.fromarray(np.where(painted, 255, 0).astype(np.uint8))


def measured(
    engine: Engine, benchmark: Benchmark, sketches: Sequence[SharedSketch], settings: Settings,
) -> dict[str, dict[str, float | int | None]]:
    """Shares of parts by their CIEDE2000 from the right colour."""
    inside, outside, behind = list[float](), list[float](), list[float]()
    for shared in sketches:
        second = FurtherReference(benchmark.reference(shared.other), region=region_of(benchmark, shared))
        (result,) = engine.colorize(benchmark.sketch(shared.own).convert("RGB"), benchmark.reference(shared.own),
                                    settings, extras=Extras(further=(second,)))
        for label, colour in shared.expected.items():
            found = colour_of(result.image, benchmark.region(shared.own, label))
            if found is not None:
                errors = inside if label == shared.part else behind if label == "background" else outside
                errors.append(colour_difference(found, [colour]))
    named = {"in the region": inside, "other parts": outside, "background": behind, "all parts": inside + outside}
    return {name: shares(errors) for name, errors in named.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--benchmark", type=Path, default=Path("data/evidence"), help="of training.evidence.benchmark")
    parser.add_argument("--checkpoint", type=Path, default=ROOT / "models" / "colorize-small.safetensors")
    parser.add_argument("--pairs", type=int, default=32, help="of each group at most")
    parser.add_argument("--out", type=Path, help="a JSON file too")
    args = parser.parse_args(arguments)
    try:
        benchmark = open_benchmark(args.benchmark)
        sketches = list(shared_sketches(benchmark, args.pairs))
        found = measured(Engine.load(args.checkpoint), benchmark, sketches, Settings())
    except ColorizeError as error:
        sys.exit(f"error: {error}")
    print(json.dumps(found, indent=1))
    if args.out:
        write_whole(args.out, json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    take_any_text()
    main()

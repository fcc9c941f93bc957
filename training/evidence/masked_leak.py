"""What masks do against a busy reference that leaks: the evidence benchmark's busy pairs, coloured in several ways.

    python -m training.evidence.masked_leak --benchmark data/evidence [--checkpoint FILE] [--pairs 24] [--out FILE]

Nobody draws a mask here: that of a sketch is told by its outlines, that of a reference by the segmenter. Prints edge
and colour leak (docs/evidence-measures.md) and the share of parts within 20 CIEDE2000 of each way as JSON, all against
the same pictures by a white reference. The leak is measured over all paper that is joined to the border, hair and
clothes among it that the border cuts off; "behind" is the same over what the drawing itself calls background.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from lib_colorize.console import take_any_text
from lib_colorize.engine.engine import Engine
from lib_colorize.errors import ColorizeError
from lib_colorize.method.mask_settings import Backdrop
from lib_colorize.method.settings import Settings
from lib_colorize.whole_file import write_whole
from training.evidence.measures import Measured, measure, shares
from training.evidence.questions import Benchmark, Question, open_benchmark
from training.metrics.leak import Energies, busy, colour_energy, edge_energy, leak_score
from training.metrics.validation import WHITE, EvaluateOptions

ROOT = Path(__file__).parents[2]
PLAIN = {"backdrop": Backdrop.PLAIN}
WAYS: dict[str, dict[str, Any]] = {
    "no mask": {},
    "figure and background apart": {"background_enhance": True},
    "plain background, by the network": {**PLAIN, "background_enhance": True},
    "plain background, of the result": PLAIN,
}


def busy_pairs(benchmark: Benchmark, count: int) -> list[Question]:
    """So many of those with a pattern behind the reference, spread over all of them."""
    busy = [pair for pair in benchmark.pairs if pair.busy]
    count = min(count, len(busy))
    return [busy[i * len(busy) // count] for i in range(count)]


def masked_leak(
    engine: Engine, benchmark: Benchmark, pairs: Sequence[Question], steps: int, scale: float,
) -> dict[str, dict[str, float | int | None]]:
    """Each way's leaks and share of parts; pairs that no mask is found for are counted and left out of that way."""
    measured: dict[str, list[Measured]] = {way: [] for way in WAYS}
    behind: dict[str, list[dict[str, Energies]]] = {way: [] for way in WAYS}
    for pair in pairs:
        sketch, reference = benchmark.sketch(pair).convert("RGB"), benchmark.reference(pair)
        settings = EvaluateOptions(steps=steps).settings(scale, "Uniform", benchmark.pairs.index(pair))
        (blank,) = engine.colorize(sketch, WHITE, settings)
        for way, changes in WAYS.items():
            try:
                (result,) = engine.colorize(sketch, reference, settings.with_(**changes))
            except ColorizeError as error:
                print(f"{pair.name}, {way}: {error}", file=sys.stderr)
                continue
            measured[way].append(measure(benchmark, pair, result.image, blank.image))
            behind[way].append(leak_behind(benchmark, pair, result.image, blank.image))
    return {way: _summed(found, behind[way]) for way, found in measured.items()}


def leak_behind(
    benchmark: Benchmark, pair: Question, result: Image.Image, blank: Image.Image,
) -> dict[str, Energies]:
    """As `measure_leak`, over what is background in the drawing and has a pattern in the squashed reference."""
    reference = benchmark.reference(pair)
    region = benchmark.region(pair, "background") & busy(reference, result.size)
    if not region.any():
        return {}
    squashed = reference.resize(result.size, Image.Resampling.BICUBIC)
    return {name: Energies(*(float(energy(picture)[region].mean()) for picture in (result, blank, squashed)))
            for name, energy in (("colour", colour_energy), ("edge", edge_energy))}


def _summed(
    measured: Sequence[Measured], behind: Sequence[dict[str, Energies]],
) -> dict[str, float | int | None]:
    leaks = [each.leaks for each in measured if each.leaks is not None]
    found = {name: leak_score(energies[name] for energies in leaks) for name in ("edge", "colour")}
    found |= {f"{name} behind": leak_score(energies[name] for energies in behind if energies)
              for name in ("edge", "colour")}
    errors = [error for each in measured for label, error in each.errors.items() if label != "background"]
    return {**found, "parts_within_20": shares(errors)["within_20"], "pairs": len(measured)}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--benchmark", type=Path, default=Path("data/evidence"), help="of training.evidence.benchmark")
    parser.add_argument("--checkpoint", type=Path, default=ROOT / "models" / "colorize-small.safetensors")
    parser.add_argument("--pairs", type=int, default=24, help="busy ones at most")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--scale", type=float, default=Settings().reference_guidance, help="GS")
    parser.add_argument("--out", type=Path, help="a JSON file too")
    args = parser.parse_args(arguments)
    try:
        benchmark = open_benchmark(args.benchmark)
        pairs = busy_pairs(benchmark, args.pairs)
        found = masked_leak(Engine.load(args.checkpoint), benchmark, pairs, args.steps, args.scale)
    except ColorizeError as error:
        sys.exit(f"error: {error}")
    print(json.dumps(found, indent=1))
    if args.out:
        write_whole(args.out, json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    take_any_text()
    main()

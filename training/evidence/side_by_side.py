"""Rows of the experiment beside each other: the same sketches and references, coloured by each.

    python -m training.evidence.side_by_side PICTURE.png --out runs/evidence [--rows drop-0.5 proposed] [--count 6]

Nothing is picked: the first pairs of each group of figures that have a busy reference, at the last point of each row.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from lib_colorize.console import take_any_text
from lib_colorize.engine.contact_sheet import contact_sheet
from lib_colorize.errors import ColorizeError
from lib_colorize.whole_file import replacing
from training.dataset.decode import picture
from training.dataset.shards import FORMATS
from training.evidence.questions import Benchmark, PairKind, Question, open_benchmark
from training.evidence.rows import row_of

ROWS = ("drop-0.5", "noisy-only", "proposed")


def choose_examples(benchmark: Benchmark, count: int) -> list[Question]:
    """The first `count` figures by figures with a busy reference, one of each group in turn."""
    busy = [pair for pair in benchmark.pairs if pair.kind is PairKind.FIGURE_FIGURE and pair.busy]
    groups = list(dict.fromkeys(pair.group for pair in busy))
    turns = ([pair for pair in busy if pair.group is group] for group in groups)
    return [pair for turn in itertools.zip_longest(*turns) for pair in turn if pair][:count]


def results_of(out: Path, row: str, seed: int, scale: float) -> Path:
    """The folder with a row's pictures at its last point; ColorizeError when there is none."""
    folders = sorted((out / "runs" / f"{row}-s{seed}" / "pictures").glob(f"*/gs{scale:g}"))
    if not folders:
        raise ColorizeError(f"{out}: found no pictures of {row}, seed {seed}, GS {scale:g}; run the experiment first")
    return folders[-1]


def rows_of(benchmark: Benchmark, pairs: Sequence[Question], folders: Sequence[Path]) -> list[list[Image.Image]]:
    """For each pair sketch, reference, and its picture in each folder."""
    return [[benchmark.sketch(pair), benchmark.reference(pair),
             *(picture((folder / f"{pair.name}.png").read_bytes()) for folder in folders)] for pair in pairs]


def save_sheet(sheet: Image.Image, path: Path) -> None:
    """As the suffix says, by the options of training pictures: colours are what is shown."""
    kind = Image.registered_extensions().get(path.suffix.lower())
    if kind is None:
        raise ColorizeError(f"{path}: found the suffix {path.suffix!r}, expected a picture's, such as .png")
    with replacing(path) as unfinished:
        sheet.save(unfinished, kind, optimize=True, **FORMATS.get(path.suffix[1:], {}))


def main(arguments: Sequence[str] | None = None) -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("picture", type=Path)
    p.add_argument("--out", type=Path, default=Path("runs/evidence"), help="of the experiment")
    p.add_argument("--rows", nargs="+", default=[*ROWS], metavar="ROW")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--scale", type=float, default=5.0, help="GS, 3 or 5")
    p.add_argument("--count", type=int, default=6, help="of pairs")
    args = p.parse_args(arguments)
    try:
        columns = {row_of(row).title.partition(" (")[0]: results_of(args.out, row, args.seed, args.scale)
                   for row in args.rows}
        benchmark = open_benchmark(args.out / "benchmark")
        pairs = [pair for pair in choose_examples(benchmark, args.count)
                 if all((folder / f"{pair.name}.png").exists() for folder in columns.values())]
        if not pairs:
            raise ColorizeError(f"{args.out}: found no pair that all of {', '.join(args.rows)} have coloured")
        rows = rows_of(benchmark, pairs, [*columns.values()])
        save_sheet(contact_sheet(rows, ("sketch", "reference", *columns)), args.picture)
    except (ColorizeError, OSError) as error:
        sys.exit(f"error: {error}")
    print(args.picture)


if __name__ == "__main__":
    take_any_text()
    main()

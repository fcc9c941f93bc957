"""The demo: every example sketch in the colours of its references, and one sheet of all."""

from __future__ import annotations

import argparse
import io
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ColorizeError
from ..method.settings import Settings
from .file_options import file_path
from .loading import DEFAULT_CHECKPOINT

if TYPE_CHECKING:
    from PIL import Image

    from ..engine.engine import Engine
    from .input_picture import InputPicture

ROOT = Path(__file__).resolve().parents[2]
PAIRS_IN_A_ROW = 2  # of the contact sheet
SKETCH_GUIDANCE = 2.0  # without it the shipped model loses lines of some pairs
LINES = 1.0  # the shipped model paints 256 px, and sketches have lines that are finer


@dataclass(frozen=True)
class Pair:
    """One picture to make."""

    sketch: Path
    reference: Path

    @property
    def output(self) -> str:
        return f"{self.sketch.stem}-{self.reference.stem}.png"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The options of `demo`."""
    command.add_argument("--examples", metavar="FOLDER", type=file_path, default=ROOT / "examples",
                         help="with a pairs.json; default: the shipped examples")
    command.add_argument("-o", "--output", metavar="FOLDER", type=file_path, default=Path("demo_output"),
                         help="made if it is not there; default: demo_output")
    command.add_argument("--checkpoint", metavar="FILE", type=file_path, default=DEFAULT_CHECKPOINT,
                         help="default: the shipped one")
    command.add_argument("--steps", type=int, default=Settings.steps, help=f"default: {Settings.steps}")
    command.add_argument("--seed", type=int, default=Settings.seed, help=f"default: {Settings.seed}")
    command.add_argument("--sketch-guidance", type=float, default=SKETCH_GUIDANCE, metavar="SCALE",
                         help=f"1 = none, and a third faster; default: {SKETCH_GUIDANCE:g}")
    command.add_argument("--line-overlay", type=float, default=LINES, metavar="0..1",
                         help=f"the sketch's own lines over the result; 0 = the model's alone; default: {LINES:g}")
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """demo."""
    pairs = read_pairs(args.examples)
    settings = Settings(steps=args.steps, seed=args.seed, line_overlay=args.line_overlay,
                        sketch_guidance=args.sketch_guidance)
    try:
        args.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ColorizeError(f"{args.output}: cannot be made a folder ({error.strerror})") from None
    from ..engine.engine import Engine

    inputs = read_inputs(pairs)
    engine = Engine.load(args.checkpoint)
    start = time.monotonic()
    triples = colour_examples(engine, pairs, inputs, args.output, settings)
    print(f"{len(pairs)} pictures in {time.monotonic() - start:.0f} s")
    write_sheet(contact_sheet_of(triples), args.output / "contact_sheet.png")
    return 0


def read_pairs(folder: Path) -> list[Pair]:
    """The pictures that the folder's pairs.json asks for: [{"sketch": FILE, "references": [FILE, ...]}, ...]."""
    listing = folder / "pairs.json"
    try:
        entries = json.loads(listing.read_text(encoding="utf-8"))
        pairs = [Pair(folder / entry["sketch"], folder / name) for entry in entries for name in entry["references"]]
    except OSError as error:
        raise ColorizeError(f"{listing}: cannot be read ({error.strerror})") from None
    except (ValueError, TypeError, KeyError) as error:
        expected = '[{"sketch": FILE, "references": [FILE, ...]}, ...]'
        raise ColorizeError(f"{listing}: {error!r}; expected {expected}") from None
    if not pairs:
        raise ColorizeError(f"{listing}: no sketches in it")
    return pairs


def read_inputs(pairs: Sequence[Pair]) -> dict[Path, InputPicture]:
    """Every sketch and reference, each read once."""
    from .input_picture import InputPicture

    paths = dict.fromkeys(path for pair in pairs for path in (pair.sketch, pair.reference))
    return {path: InputPicture.read(path) for path in paths}


def colour_examples(
    engine: Engine, pairs: Sequence[Pair], inputs: Mapping[Path, InputPicture], output: Path, settings: Settings,
) -> list[list[Image.Image]]:
    """Make every picture, over those that are there; sketch, reference and result of each."""
    from ..pictures.picture_files import open_image
    from .file_job import FileJob

    made = []
    for pair in pairs:
        sketch, reference = inputs[pair.sketch], inputs[pair.reference]
        [written] = FileJob(engine, reference, settings, force=True).colour(sketch, output / pair.output)
        print(f"{pair.sketch.name} in the colours of {pair.reference.name}: {written}", flush=True)
        made.append([sketch.image, reference.image, open_image(written)])
    return made


def contact_sheet_of(triples: Sequence[Sequence[Image.Image]]) -> Image.Image:
    """sketch | reference | result, two such triples in a row."""
    from ..engine.contact_sheet import contact_sheet

    rows = [list(chain(*triples[i:i + PAIRS_IN_A_ROW])) for i in range(0, len(triples), PAIRS_IN_A_ROW)]
    return contact_sheet(rows, ("sketch", "reference", "result") * PAIRS_IN_A_ROW, wide_gap_every=3)


def write_sheet(sheet: Image.Image, path: Path) -> None:
    """Write it whole or not at all, and say where it is."""
    from ..whole_file import write_whole

    encoded = io.BytesIO()
    sheet.save(encoded, "PNG", optimize=True)
    write_whole(path, encoded.getvalue())
    print(f"sheet of all: {path}")

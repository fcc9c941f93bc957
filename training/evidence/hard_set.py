"""The harder set: lines as people draw them, and art of another hand; nothing of it was trained on."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from lib_colorize.errors import ColorizeError
from training.evidence.ask import Asked, ask, worth_asking
from training.evidence.questions import PairKind
from training.evidence.worn_lines import Wear, strokes_of
from training.small.drawings import Drawing, openmoji_drawings
from training.small.figures import with_clothes
from training.small.streamline import streamline_drawings

TRIALS: dict[str, Wear | None] = {
    "thin lines": Wear((0.5, 1.2)),
    "grey lines": Wear((1.0, 3.0), ink=(0.25, 0.6)),
    "broken lines": Wear((1.0, 3.0), gaps=0.2),
    "doubled lines": Wear((0.8, 1.6), apart=(2.0, 4.0)),
    "unseen art": None,  # as it was drawn: lines of 3 to 6 px at 256 px
}
FEWEST = 16  # different drawings that make a trial worth the name


def ask_hard(packages: Path, count: int, size: int, seed: int) -> list[Asked]:
    """`count` pairs of each trial. Worn lines are those of held-out OpenMoji, every second pair of figures."""
    openmoji = [with_clothes(drawing) for drawing in openmoji_drawings(packages) if strokes_of(drawing)]
    unseen = [*streamline_drawings(packages, test=True)]
    found: list[Asked] = []
    for number, (trial, wear) in enumerate(TRIALS.items()):
        turns = pairs_of(openmoji if wear else unseen, wear is not None, random.Random(f"hard {seed}:{number}"))
        made: list[Asked] = []
        for attempt, (kind, sketch, reference) in zip(range(40 * count), turns):
            if (kind is PairKind.FIGURE_FIGURE) != (wear is not None and len(made) % 2 == 0):
                continue
            busy = len(made) // 2 % 2 == 1
            asked = ask(f"{number}-{attempt:03d}", kind, sketch, reference, busy, size, f"hard {seed}", trial, wear)
            if worth_asking(asked.question):
                made.append(asked)
            if len(made) == count:
                break
        else:
            raise ColorizeError(f"{trial}: found {len(made)} pairs worth asking, expected {count}; lower --pairs")
        found += made
    return found


def pairs_of(
    drawings: Sequence[Drawing], figures: bool, rng: random.Random,
) -> Iterator[tuple[PairKind, Drawing, Drawing]]:
    """Endless: the same drawing twice, in turn with two figures when `figures`."""
    people = [drawing for drawing in drawings if drawing.figure]
    if len(drawings) < FEWEST or (figures and len(people) < FEWEST):
        raise ColorizeError(f"found {len(drawings)} drawings, {len(people)} of them figures, expected {FEWEST} or "
                            "more; check the versions of the npm packages against training/package-lock.json")
    while True:
        order = rng.sample(drawings, len(drawings))
        for drawing in order:
            if figures:
                sketch, reference = rng.sample(people, 2)
                yield PairKind.FIGURE_FIGURE, sketch, reference
            yield PairKind.SAME, drawing, drawing

"""The benchmark as it is asked: pairs of sketch and reference, and the right colour of each part."""

from __future__ import annotations

import enum
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lib_colorize.errors import ColorizeError
from training.small.drawings import Group
from training.small.figures import number_of
from training.trainer.dataclass_json import from_plain, to_plain

GROUPS = (Group.OPENMOJI, Group.TRAINED, Group.UNSEEN)  # of the standard set


class QuestionSet(enum.Enum):
    """Which questions are asked; --set of the benchmark."""

    STANDARD = "standard"
    HARD = "hard"


class PairKind(enum.Enum):
    """The four pair types of the paper's user study, sketch and reference, and one of the harder set alone."""

    FIGURE_FIGURE = "figure by figure"
    FIGURE_OTHER = "figure by another thing"
    OTHER_FIGURE = "another thing by figure"
    OTHER_OTHER = "another thing by another"
    SAME = "the same drawing, seen otherwise"


@dataclass(frozen=True)
class Question:
    """One question: colour the sketch of picture `sketch` by the picture `reference`.

    parts: labels of the sketch that stand for something. colours, expected: #rrggbb.
    """

    name: str
    kind: PairKind
    group: Group
    drawings: tuple[str, ...]  # sources of sketch and reference
    busy: bool  # the reference has a pattern behind it
    labels: tuple[str, ...]  # "background" and parts that are seen in the sketch
    expected: tuple[str, ...]  # for each label the right colour, "" where there is none
    palette: tuple[str, ...]  # all colours that are seen in the reference
    trial: str = ""  # of the harder set: what makes it hard


@dataclass(frozen=True)
class Benchmark:
    """A folder that `build` made."""

    folder: Path
    pairs: tuple[Question, ...]
    names: dict[str, tuple[str, ...]]  # picture -> parts in the order of their labels
    digest: str

    def picture(self, name: str, kind: str) -> Image.Image:
        """kind: color, sketch, labels or lines."""
        with Image.open(self.folder / "pictures" / f"{name}.{kind}.png") as image:
            found: Image.Image = image.convert("RGB" if kind == "color" else "L")
            return found

    def sketch(self, pair: Question) -> Image.Image:
        """Line art, L: what is coloured."""
        return self.picture(f"{pair.name}-sketch", "sketch")

    def lines(self, pair: Question) -> Image.Image:
        """L, black and whole: where the drawing's lines run, also where its sketch is worn."""
        whole = (self.folder / "pictures" / f"{pair.name}-sketch.lines.png").exists()
        return self.picture(f"{pair.name}-sketch", "lines") if whole else self.sketch(pair)

    def own(self, pair: Question) -> Image.Image:
        """The sketch's own picture, RGB, in colours of no meaning for the pair."""
        return self.picture(f"{pair.name}-sketch", "color")

    def reference(self, pair: Question) -> Image.Image:
        """RGB: what the colours are to come from."""
        return self.picture(f"{pair.name}-reference", "color")

    def region(self, pair: Question, label: str) -> np.ndarray:
        """[S, S] bool: pixels of the sketch that wholly belong to a part."""
        name = f"{pair.name}-sketch"
        found: np.ndarray = np.asarray(self.picture(name, "labels")) == number_of(label, self.names[name])
        return found


def plain_question(question: Question) -> dict[str, Any]:
    """As JSON has it; a question of the standard set has no trial, so that its file stays what it always was."""
    plain: dict[str, Any] = to_plain(question)
    return plain if question.trial else {name: value for name, value in plain.items() if name != "trial"}


def open_benchmark(folder: Path) -> Benchmark:
    """ColorizeError when it is missing or of another format."""
    path = folder / "benchmark.json"
    if not path.is_file():
        raise ColorizeError(f"{path}: no such file, expected a benchmark; make it with "
                            f"python -m training.evidence.benchmark --out {folder}")
    content = path.read_bytes()
    stored = json.loads(content)
    pairs = tuple(from_plain(Question, pair) for pair in stored["pairs"])
    return Benchmark(folder, pairs, {k: tuple(v) for k, v in stored["names"].items()},
                     hashlib.sha256(content).hexdigest())

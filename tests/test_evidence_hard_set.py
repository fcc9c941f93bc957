"""The harder set of questions: lines worn as they say, parts asked about that lines divide, nothing trained on."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lib_colorize.errors import ColorizeError
from tests.evidence_drawings import box, figure, svg, thing
from training.evidence import benchmark, hard_set, measures
from training.evidence.ask import ask
from training.evidence.benchmark import write_benchmark
from training.evidence.questions import PairKind, QuestionSet, open_benchmark
from training.evidence.worn_lines import Wear, wear_down, widened
from training.small import svg_sources
from training.small.drawings import Drawing, openmoji_drawings
from training.small.figures import View
from training.small.streamline import streamline_drawings

pytest.importorskip("resvg_py")
PLAIN = View(1.0, 1.0, 0.0, 0.0, False)
SIZE = 256
PACKAGES = svg_sources.PACKAGES
with_packages = pytest.mark.skipif(not ((PACKAGES / "openmoji").is_dir() and (PACKAGES / "@iconify-json").is_dir()),
                                   reason="npm ci --prefix training")


def worn(wear: Wear, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The sketch of two boxes and where its lines run, [S, S] in [0, 1], 1 = black."""
    width = random.Random(seed).uniform(*wear.width)
    view = widened(thing(), PLAIN, width, SIZE)
    found = wear_down(thing(), view, width, wear, SIZE, random.Random(seed))
    return 1 - np.asarray(found.sketch) / 255, 1 - np.asarray(found.lines) / 255


def ink_across(sketch: np.ndarray) -> float:
    """Width in px of the line on the left side of the left box, by its ink; that side is at 8 / 72 of the width."""
    return float(sketch[100:150, 10:50].sum(axis=1).mean())


@pytest.mark.parametrize("width", [0.5, 1.2, 3.0])
def test_lines_are_as_wide_as_asked(width: float) -> None:
    sketch, lines = worn(Wear((width, width)))
    assert ink_across(sketch) == pytest.approx(width, abs=0.06)
    assert ink_across(lines) == pytest.approx(max(width, 1.5), abs=0.06)  # which is black somewhere
    assert (lines[100:150, 10:50].max(axis=1) > 0.5).all()


def test_grey_lines_are_as_dark_as_asked() -> None:
    sketch, lines = worn(Wear((3.0, 3.0), ink=(0.4, 0.4)))
    assert sketch.max() == pytest.approx(0.4, abs=0.01) and lines.max() > 0.98


def test_broken_lines_lack_the_share_that_was_asked_and_are_whole_where_lines_are_looked_for() -> None:
    whole, _ = worn(Wear((2.0, 2.0)))
    sketch, lines = worn(Wear((2.0, 2.0), gaps=0.2))
    gone = (whole > 0) & (sketch == 0)
    assert 0.2 <= gone.sum() / (whole > 0).sum() < 0.25 and (sketch <= whole).all()
    assert np.array_equal(lines, whole)


def test_doubled_lines_are_there_twice() -> None:
    sketch, _ = worn(Wear((1.0, 1.0), apart=(3.0, 3.0)), seed=2)
    once, _ = worn(Wear((1.0, 1.0)), seed=2)
    assert 1.5 * once.sum() < sketch.sum() < 2.05 * once.sum()


def test_a_worn_sketch_is_measured_by_its_whole_lines(tmp_path: Path) -> None:
    asked = ask("p", PairKind.FIGURE_FIGURE, figure(), figure("b"), False, 128, "0", "thin lines",
                Wear((0.5, 0.5), ink=(0.5, 0.5), gaps=0.3))
    made = write_benchmark(tmp_path, [asked], 128, 0)
    assert np.asarray(made.sketch(made.pairs[0])).min() > measures.DARK  # no line of it would count
    perfect = made.own(made.pairs[0])
    assert measures.measure(made, made.pairs[0], perfect).lines > 0.95
    assert measures.measure(made, made.pairs[0], Image.new("RGB", (128, 128), "white")).lines == 0
    assert open_benchmark(tmp_path).pairs[0].trial == "thin lines"


def test_of_the_same_drawing_only_parts_are_asked_about_that_lines_divide() -> None:
    colours = ("#0b0000", "#0b0001", "#0b0002")
    shade = f'<rect x="12" y="12" width="20" height="48" fill="{colours[1]}"/>'  # no line between it and its box
    drawing = Drawing("d", figure().group, False,
                      svg(box(8, 8, 40, 56, colours[0]), shade, box(52, 8, 14, 56, colours[2])),
                      svg(box(8, 8, 40, 56, "#ffffff"), box(52, 8, 14, 56, "#ffffff")),
                      {"box": colours[:1], "shade": colours[1:2], "other": colours[2:]})
    expected: set[str] = set()
    for seed in range(8):  # in some of them another colour comes too near
        pair = ask("p", PairKind.SAME, drawing, drawing, False, 128, str(seed)).question
        assert {"box", "shade", "other"} <= set(pair.labels)
        expected |= {name for name, colour in zip(pair.labels, pair.expected) if colour}
    assert expected == {"background", "other"}


def test_a_trial_has_measures_of_its_own_in_the_summary(tmp_path: Path) -> None:
    from training.evidence.table import COLUMNS, RowResult, results_markdown

    found = {"parts": {"median": 1.0, "within_10": 1.0, "within_20": 1.0}, "parts_by_group": {}, "lines": 0.9,
             "leak": {"colour": None, "edge": None}, "flat": {"parts": 0.5, "background": 1.0}}
    whole = {**found, "lines": 0.8, "fd": None, "kd": 0.001, "trials": {"thin lines": found}}
    heading = {"pairs": 4, "benchmark": "b", "steps": 2, "images": 14, "train": "t", "warm": "w", "features": "f"}
    lines = results_markdown([RowResult("small", 0, 0, {"some": whole, "scales": {"3": whole}})], heading).splitlines()
    at = 3 + [title for title, *_ in COLUMNS].index("lines ↑")
    rows = {cells[1].strip(): cells[at + 1].strip() for cells in (line.split("|") for line in lines) if len(cells) > at}
    assert rows["small"] == "0.800" and rows["small: thin lines"] == "0.900"


@with_packages
def test_the_real_set_has_every_trial_and_is_a_pure_function_of_its_seed(tmp_path: Path) -> None:
    words = ["--pairs", "2", "--size", "96", "--set", "hard", "--out"]
    for name in ("a", "b"):
        benchmark.main([*words, str(tmp_path / name)])
    made, again = (open_benchmark(tmp_path / name) for name in ("a", "b"))
    assert made.digest == again.digest
    assert [pair.trial for pair in made.pairs] == [trial for trial in hard_set.TRIALS for _ in range(2)]
    assert json.loads((tmp_path / "a" / "benchmark.json").read_text())["packages"].keys() >= {benchmark.STREAMLINE}
    assert {pair.kind for pair in made.pairs} == {PairKind.FIGURE_FIGURE, PairKind.SAME}
    for pair in made.pairs:
        assert sum(bool(colour) for name, colour in zip(pair.labels, pair.expected) if name != "background") >= 2
    with pytest.raises(ColorizeError, match="found 0 drawings, 0 of them figures, expected 16 or more"):
        next(hard_set.pairs_of([], True, random.Random(0)))


@with_packages
def test_nothing_of_the_harder_set_was_trained_on() -> None:
    asked, trained = ({drawing.lines for drawings in (openmoji_drawings, streamline_drawings)
                       for drawing in drawings(PACKAGES, test)} for test in (True, False))
    assert len(asked) > 300 and not asked & trained


@with_packages
def test_the_standard_set_at_128_px_is_what_it_was_before_there_was_a_harder_one(tmp_path: Path) -> None:
    made = benchmark.build_benchmark(tmp_path, PACKAGES, 4, 128, 0, QuestionSet.STANDARD)
    assert made.digest == "58d8a607d98fcc8f" + made.digest[16:]  # as drawn by the program that first had it

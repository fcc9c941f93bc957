"""Two references with regions, as they are asked and measured: on drawings whose parts are known."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lib_colorize.method.settings import Settings
from tests.evidence_drawings import figure
from training.evidence.ask import ask
from training.evidence.benchmark import write_benchmark
from training.evidence.measures import FAR, colour_difference
from training.evidence.questions import Benchmark, PairKind
from training.evidence.two_references import SharedSketch, measured, region_of, shared_sketches
from training.small.colour import rgb_of

pytest.importorskip("resvg_py")


@pytest.fixture(scope="module")
def benchmark(tmp_path_factory: pytest.TempPathFactory) -> Benchmark:
    asked = [ask(f"0-{i:03d}", PairKind.FIGURE_FIGURE, figure(), figure("other"), False, 64, "0") for i in range(4)]
    return write_benchmark(tmp_path_factory.mktemp("benchmark"), asked, 64, 0)


@pytest.fixture(scope="module")
def sketches(benchmark: Benchmark) -> list[SharedSketch]:
    return list(shared_sketches(benchmark, 4))


def test_the_largest_part_is_to_take_the_others_colour_where_that_is_another(
    benchmark: Benchmark, sketches: list[SharedSketch],
) -> None:
    assert sketches
    for shared in sketches:
        own = dict(zip(shared.own.labels, shared.own.expected))
        theirs = dict(zip(shared.other.labels, shared.other.expected))
        sizes = {label: benchmark.region(shared.own, label).sum() for label in own if label != "background"}
        assert sizes[shared.part] == max(sizes.values()) and shared.own.name != shared.other.name
        assert shared.expected == {**own, shared.part: theirs[shared.part]}
        assert colour_difference(np.array(rgb_of(own[shared.part])), [theirs[shared.part]]) >= FAR


def test_a_region_is_its_part_and_a_little_more(benchmark: Benchmark, sketches: list[SharedSketch]) -> None:
    for shared in sketches:
        painted, part = np.asarray(region_of(benchmark, shared)) > 0, benchmark.region(shared.own, shared.part)
        assert painted[part].all() and part.sum() < painted.sum() < 1.6 * part.sum()


class Painter:
    """Fills the region of the second reference with its right colour, and all else with one of nobody's."""

    def __init__(self, sketches: list[SharedSketch]) -> None:
        self.wanted = iter(sketches)

    def colorize(self, sketch: Image.Image, reference: Image.Image, settings: Settings, extras: Any) -> list[Any]:
        (second,), shared = extras.further, next(self.wanted)
        picture = Image.new("RGB", sketch.size, "#808080")
        picture.paste(shared.expected[shared.part], mask=second.region)
        return [SimpleNamespace(image=picture)]


def test_parts_are_measured_by_the_reference_of_their_own_region(
    benchmark: Benchmark, sketches: list[SharedSketch],
) -> None:
    found = measured(Painter(sketches), benchmark, sketches, Settings())  # type: ignore[arg-type]
    assert found["in the region"]["count"] == len(sketches) and found["in the region"]["within_10"] == 1.0
    assert found["other parts"]["within_10"] == 0.0 and found["background"]["count"] == len(sketches)
    counts = [found[name]["count"] for name in ("in the region", "other parts", "all parts")]
    assert counts[0] + counts[1] == counts[2]

"""Leaks with and without masks, as they are measured: on drawings whose background is known."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from lib_colorize.errors import ColorizeError
from lib_colorize.method.mask_settings import Backdrop
from lib_colorize.method.settings import Settings
from tests.evidence_drawings import figure
from training.evidence.ask import ask
from training.evidence.benchmark import write_benchmark
from training.evidence.masked_leak import WAYS, busy_pairs, masked_leak
from training.evidence.questions import Benchmark, PairKind
from training.metrics.validation import WHITE

pytest.importorskip("resvg_py")


@pytest.fixture(scope="module")
def benchmark(tmp_path_factory: pytest.TempPathFactory) -> Benchmark:
    asked = [ask(f"0-{i:03d}", PairKind.FIGURE_FIGURE, figure(), figure("other"), i % 2 == 1, 64, "0")
             for i in range(6)]
    return write_benchmark(Path(tmp_path_factory.mktemp("benchmark")), asked, 64, 0)


class Painter:
    """Paints the reference itself all over, white where a plain background is asked for; no figure for one way."""

    def colorize(self, sketch: Image.Image, reference: Image.Image, settings: Settings) -> list[Any]:
        if settings.background_enhance and settings.backdrop is Backdrop.AS_GIVEN:
            raise ColorizeError("no figure is found in the reference; draw a mask")
        white = reference is WHITE or settings.backdrop is Backdrop.PLAIN
        squashed = reference.resize(sketch.size, Image.Resampling.BICUBIC)
        picture = Image.new("RGB", sketch.size, "white") if white else squashed
        return [SimpleNamespace(image=picture)]


def test_a_copied_background_leaks_in_full_and_a_white_one_not_at_all(benchmark: Benchmark) -> None:
    pairs = busy_pairs(benchmark, 2)
    assert len(pairs) == 2 and all(pair.busy for pair in pairs)
    found = masked_leak(Painter(), benchmark, pairs, 1, 5.0)  # type: ignore[arg-type]
    leaks = ("edge", "colour", "edge behind", "colour behind")
    assert [found["no mask"][name] for name in leaks] == pytest.approx([1.0] * 4)
    assert [found["plain background, of the result"][name] for name in leaks] == [0.0] * 4
    assert [found[way]["pairs"] for way in WAYS] == [2, 0, 2, 2]

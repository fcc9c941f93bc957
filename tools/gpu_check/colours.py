"""The shipped model colours the examples on the card as on the CPU, in each number format, alone and in a batch."""

from __future__ import annotations

from functools import partial

import numpy as np
from PIL import Image

from lib_colorize.engine.engine import Engine
from lib_colorize.method.settings import Settings
from tools.gpu_check.example_pictures import SHIPPED, Pictures, example_pairs
from tools.gpu_check.findings import Finding, Goal
from tools.gpu_check.notebook import Notebook

NEAR = {"float32": Goal(1), "float16": Goal(2), "bfloat16": None}  # of 255, any value of any pixel
ALONE = Goal(1)


def run(notebook: Notebook) -> None:
    """The CPU's pictures in float32 first: what all others are compared with."""
    pairs = example_pairs(1 if notebook.tiny else 3)
    settings = Settings(steps=1 if notebook.tiny else 20)
    expected = coloured(Engine.load(SHIPPED, device="cpu"), pairs, settings)
    for dtype in NEAR:
        notebook.attempt(dtype, partial(compare_dtype, notebook, dtype, pairs, settings, expected))
    notebook.attempt("a batch", lambda: compare_batch(notebook, pairs[0], settings))


def compare_dtype(
    notebook: Notebook, dtype: str, pairs: list[Pictures], settings: Settings, expected: list[Image.Image],
) -> None:
    """One number format."""
    found = coloured(Engine.load(SHIPPED, device=str(notebook.device), dtype=dtype), pairs, settings)
    off = [levels_apart(a, b) for a, b in zip(found, expected, strict=True)]
    what = f"{dtype}, {len(pairs)} pictures: largest difference from the CPU's (float32)"
    notebook.number(what, max(most for most, _ in off), "of 255", NEAR[dtype],
                    f"mean {sum(mean for _, mean in off) / len(off):.3f}")


def compare_batch(notebook: Notebook, pair: Pictures, settings: Settings) -> None:
    """Each picture of a batch is the one that is made alone, and a repeat is the same to the bit."""
    engine, count = Engine.load(SHIPPED, device=str(notebook.device)), 2 if notebook.tiny else 4
    together = [result.image for result in engine.colorize(*pair, settings.with_(batch=count))]
    alone = [engine.colorize(*pair, Engine.settings_of(settings, i))[0].image for i in range(count)]
    most = max(levels_apart(a, b)[0] for a, b in zip(together, alone, strict=True))
    notebook.number(f"{count} pictures at once: largest difference from each alone", most, "of 255", ALONE)
    again = engine.colorize(*pair, settings)[0].image
    same = levels_apart(again, alone[0])[0] == 0
    notebook.add(Finding("the same picture again", note="equal to the bit" if same else "NOT equal to the bit"))


def coloured(engine: Engine, pairs: list[Pictures], settings: Settings) -> list[Image.Image]:
    """One picture of each pair."""
    return [engine.colorize(sketch, reference, settings)[0].image for sketch, reference in pairs]


def levels_apart(a: Image.Image, b: Image.Image) -> tuple[float, float]:
    """Largest and mean difference of two pictures of one size, of 255."""
    gap = np.abs(np.asarray(a.convert("RGB"), dtype=np.int16) - np.asarray(b.convert("RGB"), dtype=np.int16))
    return float(gap.max()), float(gap.mean())

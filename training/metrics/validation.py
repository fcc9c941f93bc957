"""What is evaluated: sketches of a data folder, random references for them, and the coloured pictures on disk."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lib_colorize.errors import ColorizeError
from lib_colorize.method.settings import Polarity, Settings
from lib_colorize.whole_file import write_whole
from training.dataset.catalog import Catalog, list_samples
from training.dataset.decode import BadPicture, picture
from training.dataset.shards import encode_picture
from training.metrics.painter import Painter

WHITE = Image.new("RGB", (64, 64), "white")  # the blank reference of the leak score


@dataclass(frozen=True)
class EvaluateOptions:
    """What decides the pictures; OUT/run.json keeps it."""

    scales: tuple[float, ...] = (3.0, 5.0)  # reference guidance, GS
    schedulers: tuple[str, ...] = ("Uniform", "Karras")
    steps: int = 20
    sampler: str = "DPM++ 2M"
    count: int = 0  # pictures; 0 = all
    seed: int = 0
    leak: bool = True  # colour everything by a blank reference too: twice the work

    def settings(self, scale: float, scheduler: str, index: int) -> Settings:
        return Settings(reference_guidance=scale, scheduler=scheduler, steps=self.steps, sampler=self.sampler,
                        seed=(self.seed + index) % 2**32, polarity=Polarity.DARK_ON_LIGHT)

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        found: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return found

    def runs(self) -> list[tuple[str, float]]:
        """(scheduler, guidance scale) of each."""
        return [(scheduler, scale) for scheduler in self.schedulers for scale in self.scales]


@dataclass(frozen=True)
class Case:
    """One sketch, and the sample whose picture is its reference."""

    index: int
    reference: int


def choose_cases(samples: int, count: int, seed: int) -> list[Case]:
    """`count` different sketches, each with a random reference that is not its own picture."""
    if samples < 2:
        raise ColorizeError(f"{samples} usable samples; random references need two or more")
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(samples)[:count or samples]
    others = rng.integers(0, samples - 1, len(chosen))
    return [Case(int(i), int(j + (j >= i))) for i, j in zip(chosen, others)]


class Validation:
    """The pictures of a data folder."""

    def __init__(self, folder: Path, options: EvaluateOptions) -> None:
        self.catalog: Catalog = list_samples(folder)
        self.cases = choose_cases(len(self.catalog.keys), options.count, options.seed)

    def get(self, index: int, part: str) -> Image.Image:
        """RGB; ColorizeError when it is damaged: an evaluation is of whole data."""
        try:
            content = self.catalog.content(index, part)
            assert content is not None, "the catalog lists whole pairs"
            return picture(content)
        except BadPicture as error:
            raise ColorizeError(f"{self.catalog.keys[index]}, {part}: {error}; take it out of the data") from None


def folder_of(out: Path, scheduler: str, scale: float, blank: bool = False) -> Path:
    """Where the pictures of one run lie."""
    return out / f"{scheduler.lower().replace(' ', '-')}-gs{scale:g}{'-blank' if blank else ''}"


def paint_all(
    painter: Painter, data: Validation, options: EvaluateOptions, out: Path, part: tuple[int, int] = (0, 1),
    say: Callable[[str], None] = print,
) -> None:
    """Every picture that is not there yet; part (k, n): every n-th sketch from the k-th on, for several processes."""
    cases = data.cases[part[0]::part[1]]
    start = time.monotonic()
    for count, case in enumerate(cases, 1):
        sketch, reference = data.get(case.index, "sketch"), data.get(case.reference, "color")
        for scheduler, scale in options.runs():
            for blank in (False, True) if options.leak else (False,):
                path = folder_of(out, scheduler, scale, blank) / f"{case.index:08d}.png"
                if not path.exists():
                    settings = options.settings(scale, scheduler, case.index)
                    painted = painter.paint(sketch, WHITE if blank else reference, settings)
                    write_whole(path, encode_picture(painted, "png"), parents=True)
        if count % max(1, len(cases) // 20) == 0:
            say(f"{count} of {len(cases)} sketches, {time.monotonic() - start:.0f} s")


def pictures(folder: Path, data: Validation) -> Iterator[Image.Image]:
    """The finished pictures of one run, in the order of the cases."""
    for case in data.cases:
        path = folder / f"{case.index:08d}.png"
        if not path.exists():
            raise ColorizeError(f"{path}: not made yet; run the other parts first")
        yield picture(path.read_bytes())


def truths(data: Validation, options: EvaluateOptions, out: Path) -> Iterator[Image.Image]:
    """Ground truth at the size of the results, so that resolution is not what is measured."""
    for case, result in zip(data.cases, pictures(folder_of(out, *options.runs()[0]), data)):
        yield data.get(case.index, "color").resize(result.size, Image.Resampling.BICUBIC)

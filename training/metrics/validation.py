"""What is evaluated: sketches of a data folder, random references for them, and the coloured pictures on disk."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lib_colorize.errors import ColorizeError
from lib_colorize.method.settings import Polarity, Settings
from training.dataset.catalog import Catalog, list_samples
from training.dataset.decode import BadPicture, picture
from training.metrics.paint_files import PictureFile, paint_files
from training.metrics.paint_jobs import Painter, PaintJob

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


@dataclass(frozen=True)
class Wanted:
    """A picture of an evaluation that is not there yet."""

    case: Case
    scheduler: str
    scale: float
    blank: bool
    path: Path


def wanted_pictures(
    data: Validation, options: EvaluateOptions, out: Path, part: tuple[int, int] = (0, 1),
) -> list[Wanted]:
    """Run after run; part (k, n): of every n-th sketch from the k-th on."""
    every = [Wanted(case, scheduler, scale, blank, folder_of(out, scheduler, scale, blank) / f"{case.index:08d}.png")
             for scheduler, scale in options.runs()
             for blank in ((False, True) if options.leak else (False,))
             for case in data.cases[part[0]::part[1]]]
    return [picture for picture in every if not picture.path.exists()]


def paint_all(
    painter: Painter, data: Validation, options: EvaluateOptions, out: Path, part: tuple[int, int] = (0, 1),
    say: Callable[[str], None] = print,
) -> None:
    """Every picture of a part that is not there yet: read ahead and written behind in threads, painted in batches.

    What a picture looks like depends on its own seed alone, and in float32 to 1/255 not on batches, parts or the order.
    """
    wanted = wanted_pictures(data, options, out, part)
    start, told = time.monotonic(), 0

    def read(picture: Wanted) -> PaintJob:
        reference = WHITE if picture.blank else data.get(picture.case.reference, "color")
        settings = options.settings(picture.scale, picture.scheduler, picture.case.index)
        return PaintJob(data.get(picture.case.index, "sketch"), reference, settings)

    def tell(done: int) -> None:
        nonlocal told
        if done * 20 // len(wanted) > told:
            told = done * 20 // len(wanted)
            say(f"{done} of {len(wanted)} pictures, {time.monotonic() - start:.0f} s")

    paint_files(painter, [PictureFile(picture.path, functools.partial(read, picture)) for picture in wanted],
                after=tell)


def result_of(folder: Path, case: Case) -> Image.Image:
    """A finished picture of one run."""
    path = folder / f"{case.index:08d}.png"
    if not path.exists():
        raise ColorizeError(f"{path}: not made yet; run the other parts first")
    return picture(path.read_bytes())

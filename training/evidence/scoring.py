"""Colour the benchmark by one checkpoint and measure it; finished pictures stay, so that a killed run goes on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lib_colorize.checkpoint.files import file_sha256
from lib_colorize.errors import ColorizeError
from lib_colorize.method.settings import Settings
from lib_colorize.pictures.overlay import overlay_lines
from lib_colorize.whole_file import write_whole
from training.dataset.decode import picture
from training.dataset.shards import encode_picture
from training.evidence import measures
from training.evidence.questions import Benchmark, Question
from training.metrics.features import Features
from training.metrics.frechet import Gaussian, frechet_distance, kernel_distance
from training.metrics.paint_files import PictureFile, paint_files
from training.metrics.paint_jobs import Painter, PaintJob
from training.metrics.painter import open_painter
from training.metrics.read_ahead import in_threads
from training.metrics.validation import WHITE, EvaluateOptions

SOME = 5  # every so many pairs make the curves over training; odd, for every second pair is busy
OWN = 5  # every so many sketches are coloured by their own picture too
BLANK, SELF = "-blank", "-self"


@dataclass(frozen=True)
class Scorer:
    """What all checkpoints of an experiment are measured by."""

    benchmark: Benchmark
    features: Features
    steps: int = 20
    scales: tuple[float, ...] = (3.0, 5.0)  # GS
    seed: int = 0

    def pairs(self, whole: bool) -> tuple[Question, ...]:
        return self.benchmark.pairs if whole else self.benchmark.pairs[::SOME]

    def score(
        self, checkpoint: Path, folder: Path, whole: bool, say: Callable[[str], None] = print,
        pause: Callable[[], None] = lambda: None,
    ) -> dict[str, Any]:
        """{"scales": {"5": measures of all pairs, ...}, "some": measures of every fifth at the last scale}.

        folder: where the pictures are kept; ColorizeError when they are another checkpoint's. pause: called before
        each batch of pictures, may raise; what is painted stays. On a GPU if there is one, in batches.
        """
        self._claim(checkpoint, folder)
        painter: Painter | None = None
        for scale in self.scales if whole else self.scales[-1:]:
            files = [PictureFile(path, partial(self._job, scale, pair, what), self.benchmark.sketch(pair).size)
                     for pair, what in self.wanted(whole)
                     if not (path := self.path(folder, scale, pair, what)).exists()]
            if files:
                pause()
                painter = painter or open_painter(checkpoint, None, None, None)
                paint_files(painter, files, before=pause)
            say(f"{folder.name}: coloured at GS {scale:g}")
        return self.found(folder, whole)

    def _job(self, scale: float, pair: Question, what: str) -> PaintJob:
        number = self.benchmark.pairs.index(pair)
        settings = EvaluateOptions(steps=self.steps, seed=self.seed).settings(scale, "Uniform", number)
        return PaintJob(self.benchmark.sketch(pair), self._reference(pair, what), settings)

    def lay_lines(self, folder: Path, target: Path) -> dict[str, Any]:
        """What `score` returns, of the finished pictures with their sketches' lines over them (line overlay 1)."""
        settings = Settings(line_overlay=1.0)

        def lay(wanted: tuple[float, Question, str]) -> None:
            sketch = self.benchmark.sketch(wanted[1])
            laid = overlay_lines(_open(self.path(folder, *wanted)), sketch, settings)
            content = encode_picture(laid.resize(sketch.size), "png")
            write_whole(self.path(target, *wanted), content, parents=True)

        deque(in_threads(lay, [(scale, *one) for scale in self.scales for one in self.wanted(True)]), maxlen=0)
        return self.found(target, True)

    def found(self, folder: Path, whole: bool) -> dict[str, Any]:
        """What `score` returns, of finished pictures."""
        found: dict[str, Any] = {"some": self.measure(folder, self.scales[-1], False)}
        if whole:
            found["scales"] = {f"{scale:g}": self.measure(folder, scale, True) for scale in self.scales}
        return found

    def measure(self, folder: Path, scale: float, whole: bool) -> dict[str, Any]:
        """Of finished pictures: `measures.summary`, "fd", "kd" and, for all pairs, "self" (docs/evidence.md)."""
        pairs = self.pairs(whole)
        results = [_open(self.path(folder, scale, pair)) for pair in pairs]

        def measure(pair: Question) -> measures.Measured:
            blank = _open(self.path(folder, scale, pair, BLANK)) if pair.busy else None
            return measures.measure(self.benchmark, pair, _open(self.path(folder, scale, pair)), blank)

        measured = dict(zip(pairs, in_threads(measure, pairs)))
        truths = [self.benchmark.own(pair) for pair in pairs]
        made, drawn = self.features.of(results), self.features.of(truths)
        enough = len(pairs) > made.shape[1]  # else the covariances lack rank
        found: dict[str, Any] = {
            **measures.summary(measured), "pairs": len(pairs), "kd": kernel_distance(made, drawn),
            "fd": frechet_distance(Gaussian.of(made), Gaussian.of(drawn)) if enough else None}
        trials = dict.fromkeys(pair.trial for pair in pairs if pair.trial)
        if trials:
            found["trials"] = {trial: measures.summary({pair: m for pair, m in measured.items() if pair.trial == trial})
                               for trial in trials}
        if whole:
            own = [measures.reconstruction(_open(self.path(folder, scale, pair, SELF)), truth)
                   for pair, truth in list(zip(pairs, truths))[::OWN]]
            found["self"] = {name: float(np.mean([each[name] for each in own])) for name in own[0]}
        return found

    def wanted(self, whole: bool) -> list[tuple[Question, str]]:
        """Each pair with "", and with BLANK and SELF where these are asked for."""
        found = []
        for i, pair in enumerate(self.pairs(whole)):
            own = whole and i % OWN == 0
            found += [(pair, what) for what, asked in (("", True), (BLANK, pair.busy), (SELF, own)) if asked]
        return found

    def _reference(self, pair: Question, what: str) -> Image.Image:
        if what == BLANK:
            return WHITE
        return self.benchmark.own(pair) if what == SELF else self.benchmark.reference(pair)

    def path(self, folder: Path, scale: float, pair: Question, what: str = "") -> Path:
        return folder / f"gs{scale:g}{what}" / f"{pair.name}.png"

    def _claim(self, checkpoint: Path, folder: Path) -> None:
        path = folder / "made_from.txt"
        made_from = f"{file_sha256(checkpoint)} {self.benchmark.digest} steps {self.steps} seed {self.seed}\n"
        if path.exists() and path.read_text(encoding="utf-8") != made_from:
            raise ColorizeError(f"{folder}: found pictures of another checkpoint, benchmark or settings, expected "
                                f"those of {checkpoint.name}; name another --out, or delete that folder")
        write_whole(path, made_from, parents=True)


def _open(path: Path) -> Image.Image:
    return picture(path.read_bytes())

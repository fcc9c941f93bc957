"""Line extractors of the builder: a picture -> black lines on white paper of the same size. One registry.

`lineart` and `edges` need no weights. `anime2sketch` and `sketchkeras` are the paper's two; their weights are yours to
fetch, and are read with `weights_only=True`. A mixture names several with shares: every picture gets one of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from lib_colorize.errors import ColorizeError
from lib_colorize.pictures import lineart
from training.dataset.classical_extractors import Extract, make_edges, make_lineart
from training.dataset.decode import BadPicture
from training.dataset.network_extractors import make_anime2sketch, make_sketchkeras

Make = Callable[[Path | None, str], Extract]  # (weights, device)
REGISTRY: dict[str, Make] = {}


def register_maker(name: str, make: Make) -> None:
    """Add an extractor; a name that is taken raises ColorizeError."""
    if name in REGISTRY:
        raise ColorizeError(f"extractor {name!r} is registered already; choose another name")
    REGISTRY[name] = make


@dataclass(frozen=True)
class Choice:
    """One of a mixture: `anime2sketch=netG.pth:0.5`."""

    name: str
    weights: Path | None = None
    share: float = 1.0

    @classmethod
    def parse(cls, text: str) -> Choice:
        head, colon, tail = text.rpartition(":")
        try:
            share, text = (float(tail), head) if colon else (1.0, text)
        except ValueError:
            share = 1.0  # a colon of a path
        name, equals, file = text.partition("=")
        if name not in REGISTRY or not share > 0:
            raise ColorizeError(f"extractor {text!r}: expected NAME, NAME=WEIGHTS or NAME=WEIGHTS:SHARE with a name of "
                                f"{', '.join(REGISTRY)} and a share above 0")
        return cls(name, Path(file) if equals else None, share)


class Mixture:
    """Every picture gets one extractor, chosen by its name and the seed alone."""

    def __init__(self, choices: Sequence[Choice], seed: int = 0, device: str = "cpu") -> None:
        if not choices:
            raise ColorizeError(f"no extractor; expected at least one of {', '.join(REGISTRY)}")
        self.choices, self.seed = tuple(choices), seed
        self._extract = [REGISTRY[choice.name](choice.weights, device) for choice in choices]

    def index(self, name: str) -> int:
        """Which of the choices the picture of that name gets."""
        digest = hashlib.sha256(f"{self.seed}:{name}".encode()).digest()
        place = int.from_bytes(digest[:8], "big") / 2**64 * sum(choice.share for choice in self.choices)
        sums = np.cumsum([choice.share for choice in self.choices])
        return min(int(np.searchsorted(sums, place, side="right")), len(sums) - 1)

    def __call__(self, name: str, picture: Image.Image) -> tuple[Image.Image, str]:
        """picture: RGB -> its lines (L, black on white, same size), and which extractor drew them."""
        chosen = self.index(name)
        lines = self._extract[chosen](picture)
        if np.ptp(np.asarray(lines)) / 255 < lineart.MIN_CONTRAST:
            raise BadPicture("no lines found", f"{name}: {self.choices[chosen].name} finds no lines")
        return lines, self.choices[chosen].name


for _name, _make in {"lineart": make_lineart, "edges": make_edges, "anime2sketch": make_anime2sketch,
                     "sketchkeras": make_sketchkeras}.items():
    register_maker(_name, _make)

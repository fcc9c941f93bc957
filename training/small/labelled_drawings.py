"""Training drawings whose hair, skin, clothes and background are known cell by cell, for the warm-up."""

from __future__ import annotations

import functools
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from training.metrics import leak
from training.small import recolour
from training.small.build_pairs import draw_all
from training.small.colour import rgb_of
from training.small.drawings import PARTS, Drawing
from training.small.dress import choose
from training.small.figures import View, paint
from training.small.pair_choice import Sized

CLASSES = ("background", *PARTS, "other")
NOBODY = 255  # label of lines, rims, shades, and of the background's colour inside a drawing
CELL = 4  # px: a label tells what is in the middle of so many, each way
SHARES = {"avatars": 0.45, "figures": 0.4, "things": 0.15}
BUSY = 0.5  # share of pictures with a pattern behind them
MARKS = {"hair": "#ff0000", "skin": "#00ff00", "clothes": "#0000ff"}
OTHER = "#ffff00"
EXACT = 8  # of 255: an edge between two marks is no mark


@dataclass(frozen=True)
class Labelled:
    """sketch: [n, S, S], color: [n, S, S, 3], labels: [n, S/4, S/4], all uint8; a label indexes CLASSES, or NOBODY."""

    sketch: np.ndarray
    color: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def sketches(self, chosen: np.ndarray) -> Tensor:
        """[B, 3, S, S] in [-1, 1], lines +1 on -1."""
        lines: Tensor = 1 - torch.from_numpy(self.sketch[chosen]).float() / 127.5
        return lines[:, None].expand(-1, 3, -1, -1)

    def pictures(self, chosen: np.ndarray) -> Tensor:
        """[B, 3, S, S] in [-1, 1]."""
        return torch.from_numpy(self.color[chosen]).permute(0, 3, 1, 2).float() / 127.5 - 1

    def classes(self, chosen: np.ndarray) -> Tensor:
        """[B, S/4, S/4] int64."""
        return torch.from_numpy(self.labels[chosen]).long()


def label(drawing: Drawing, view: View, lines: np.ndarray, blank: np.ndarray) -> np.ndarray:
    """[S/4, S/4] uint8: whose the cells are. lines: [S, S], the sketch; blank: [S, S], its background."""
    mapping = {p: MARKS.get(part, OTHER) for part, listed in drawing.parts.items() for p in listed}
    marked = np.asarray(view.of(recolour.recolour(drawing.svg, mapping), len(lines))).astype(int)
    labels = np.full(lines.shape, NOBODY, np.uint8)
    labels[(marked[..., 3] == 0) & blank] = 0
    for number, mark in enumerate((*MARKS.values(), OTHER), 1):
        near = np.abs(marked[..., :3] - rgb_of(mark)).max(-1) <= EXACT
        labels[near & (marked[..., 3] > 255 - EXACT)] = number
    return labels[CELL // 2::CELL, CELL // 2::CELL]


def draw_labelled(
    number: int, named: dict[str, list[Sized]], size: int, seed: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sketch, picture and labels as `Labelled` has them; a pure function of its arguments."""
    rng = random.Random(f"labelled {seed}:{number}")
    drawing = rng.choice(named[rng.choices([*SHARES], [*SHARES.values()])[0]]).drawing
    view = View.draw(rng)
    color, sketch = paint(drawing, choose(drawing, rng, rng.random() < BUSY), view, size, rng)
    lines = np.asarray(sketch)
    return lines, np.asarray(color), label(drawing, view, lines, leak.background(sketch))


def build_labelled(packages: Path, count: int, size: int, seed: int) -> Labelled:
    """`count` drawings of what training.build_pairs draws from."""
    drawn = draw_all(functools.partial(draw_labelled, size=size, seed=seed), packages, count)
    return Labelled(*(np.stack(kind) for kind in zip(*drawn)))

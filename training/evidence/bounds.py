"""What the measures give for results that no model made: the best possible, the same decoded, and two worthless ones.

They stand in the report as rows, so that a number can be read: how far it is from chance, and what the auto-encoder
alone takes away.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from lib_colorize.engine.networks import AutoencoderKL
from lib_colorize.pictures.images import to_image
from lib_colorize.whole_file import write_whole
from training.dataset.collate import to_tensor
from training.dataset.shards import encode_picture
from training.evidence.questions import Benchmark, Question
from training.evidence.scoring import SELF, Scorer
from training.small.colour import rgb_of

Make = Callable[[Benchmark, Question, str], Image.Image]  # what: "", BLANK or SELF, as the scorer asks


def perfect(benchmark: Benchmark, pair: Question, what: str) -> Image.Image:
    """The sketch's own picture with every region whose colour is known in that colour."""
    own = benchmark.own(pair)
    if what == SELF:
        return own
    pixels = np.array(own)
    for label, expected in zip(pair.labels, pair.expected):
        if expected:
            pixels[benchmark.region(pair, label)] = rgb_of(expected)
    return Image.fromarray(pixels)


def unrelated(benchmark: Benchmark, pair: Question, what: str) -> Image.Image:
    """The sketch's own picture, whatever the reference is."""
    return benchmark.own(pair)


def paper(benchmark: Benchmark, pair: Question, what: str) -> Image.Image:
    """The sketch as it is."""
    return benchmark.sketch(pair).convert("RGB")


def decoded(vae: AutoencoderKL) -> Make:
    """`perfect` through the auto-encoder and back: no U-Net can be better with it."""

    @torch.no_grad()
    def make(benchmark: Benchmark, pair: Question, what: str) -> Image.Image:
        mean, _ = vae.encode(to_tensor([perfect(benchmark, pair, what)]))
        return to_image(vae.decode(mean * vae.scale_factor)[0])

    return make


def bounds(vae: AutoencoderKL) -> dict[str, Make]:
    """Rows of the report."""
    return {"bound: perfect": perfect, "bound: perfect, decoded": decoded(vae), "bound: unrelated colours": unrelated,
            "bound: paper": paper}


def draw_bound(scorer: Scorer, make: Make, folder: Path) -> None:
    """Pictures where the scorer looks for those of a checkpoint."""
    for pair, what in scorer.wanted(True):
        content = encode_picture(make(scorer.benchmark, pair, what), "png")
        for scale in scorer.scales:  # which a picture that no model made does not know
            write_whole(scorer.path(folder, scale, pair, what), content, parents=True)


def score(scorer: Scorer, make: Make, folder: Path) -> dict[str, Any]:
    """As `Scorer.score` of a checkpoint, all pairs."""
    draw_bound(scorer, make, folder)
    return scorer.found(folder, True)

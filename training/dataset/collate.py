"""Samples of one bucket -> the tensors of a batch: windows are cut, margins erased, bytes of pictures stacked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from training.dataset import augment
from training.dataset.batch import Batch, scaled, scaled_lines
from training.dataset.samples import Sample

GRID = 8  # px; windows start at multiples of it, as latents do
LATENTS = ("mean", "std")  # of what is cached, what has the picture's layout


def collate(samples: Sequence[Sample], draws: Sequence[augment.Draw], window: int) -> Batch:
    """window: px of sketch, picture and latent that are shown, 0 = all; the reference stays whole. Pictures: bytes."""
    sketches = [augment.erase_margins(_window(sample.sketch, drawn, window), drawn.margins)  # the network is shown to
                for sample, drawn in zip(samples, draws)]  # fill what it sees the edge of, so the window comes first
    cached = {name: torch.stack([_cached(sample, name, drawn, window) for sample, drawn in zip(samples, draws)])
              for name in samples[0].cached}
    color = reference = None
    if "mean" not in cached:
        color = to_bytes([_window(_there(sample.color), drawn, window) for sample, drawn in zip(samples, draws)])
    if "tokens" not in cached:
        own = color is not None and not window and all(sample.reference is sample.color for sample in samples)
        reference = color if own else to_bytes([_there(sample.reference) for sample in samples])
    return Batch(to_bytes(sketches), color, cached.get("mean"), cached.get("std"), reference,
                 cached.get("tokens"))


def _there(picture: Image.Image | None) -> Image.Image:
    assert picture is not None, "a sample has the pictures in whose place nothing is cached"
    return picture


def _window(image: Image.Image, drawn: augment.Draw, window: int) -> Image.Image:
    return augment.crop(image, *window_corner(drawn, image.size, window), (window, window)) if window else image


def _cached(sample: Sample, name: str, drawn: augment.Draw, window: int) -> Tensor:
    """What is cached of a sample; of a latent [4, h, w] the window [4, window / factor, window / factor]."""
    tensor = sample.cached[name]
    if name not in LATENTS or not window:
        return tensor
    factor = sample.sketch.width // tensor.shape[-1]
    (left, top), side = window_corner(drawn, sample.sketch.size, window), window // factor
    return tensor[:, top // factor:top // factor + side, left // factor:left // factor + side]


def window_corner(drawn: augment.Draw, size: tuple[int, int], window: int) -> tuple[int, int]:
    """(left, top) in px, multiples of GRID. size: (width, height)."""
    top, left = (int(place * ((side - window) // GRID + 1)) * GRID for place, side in zip(drawn.window, size[::-1]))
    return left, top


def to_bytes(pictures: Sequence[Image.Image]) -> Tensor:
    """RGB or L pictures of one size -> uint8 [B, 3, H, W]; of L alone, three views of one channel."""
    if not all(p.mode == "L" for p in pictures):
        pictures = [p.convert("RGB") for p in pictures]
    x = torch.from_numpy(np.stack([np.asarray(p) for p in pictures]))
    return x[:, None].expand(-1, 3, -1, -1) if x.ndim == 3 else x.permute(0, 3, 1, 2)


def to_tensor(pictures: Sequence[Image.Image]) -> Tensor:
    """RGB or L pictures of one size -> [B, 3, H, W] in [-1, 1]; of L alone, three views of one channel."""
    return scaled(to_bytes(pictures))


def stack_sketches(sketches: Sequence[Image.Image]) -> Tensor:
    """Black lines on white -> [B, 3, H, W], lines +1 on -1."""
    return scaled_lines(to_bytes(sketches))

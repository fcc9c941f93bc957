"""A second, larger pass: how large, from which noise level, and what it begins from.

As in high-resolution fixes and SDEdit (Meng et al., ICLR 2022): the first picture, enlarged, is noised to a part of the
schedule and denoised again. It is enlarged by `finishing`, whose colours stop at the lines of the larger drawing: what
an even enlargement smears over a line at the model's size, the second pass would take for meant.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..finishing.divided import DividedDrawing
from ..method.large_settings import LEAST_SECOND_PASS
from ..method.schedule import NoiseSchedule
from ..method.settings import Settings
from ..pictures.canvas import Placement, canvas_sizes
from .samplers import noise_levels

WHOLE = 2.0  # times the model's side, up to which the canvas is denoised in one piece
SPARE = 1.1  # area beyond that: canvases are rounded to what the networks need


@dataclass(frozen=True)
class Pass:
    """settings: with this pass' own size; resolution: side of the square that the canvas is about as large as."""

    settings: Settings
    resolution: int


def passes_of(drawing: tuple[int, int], settings: Settings, resolution: int) -> tuple[Pass, ...]:
    """One, or two. drawing: (width, height) of the sketch; resolution: the model's own.

    At a size that is asked for that one is the second's, and the first is so many times smaller: but no smaller than
    the model's own, where it paints nothing that a second pass could hold on to.
    """
    wide, high = (settings.width, settings.height) if settings.width else drawing
    times = min(settings.second_pass, math.sqrt(wide * high) / resolution)
    first = Pass(settings, resolution)
    if times < LEAST_SECOND_PASS:
        return (first,)
    if settings.width:
        sides = (max(1, round(side / times)) for side in (settings.width, settings.height))
        return Pass(settings.with_(**dict(zip(("width", "height"), sides))), resolution), first
    return first, Pass(settings, round(times * resolution))


def told_of_passes(
    drawing: tuple[int, int], settings: Settings, resolution: int, multiple: int, square: bool = False,
) -> tuple[str, ...]:
    """What became of the wish for two passes, in a few words; nothing where there was none."""
    if settings.second_pass < LEAST_SECOND_PASS:
        return ()
    passes = passes_of(drawing, settings, resolution)
    if len(passes) == 1:
        return (f"one pass, the {'size' if settings.width else 'sketch'} is no larger than the model works",)
    sizes = [canvas_sizes(drawing, each.settings, each.resolution, multiple, square)[1] for each in passes]
    tiled = " in tiles" if in_tiles(sizes[1], resolution) else ""
    return (f"two passes, {sizes[0][0]}x{sizes[0][1]} and {sizes[1][0]}x{sizes[1][1]} pixels{tiled}",)


def in_tiles(canvas: tuple[int, int], resolution: int) -> bool:
    """Whether a canvas in pixels is too large for one piece: a model knows pictures of about its own size."""
    return canvas[0] * canvas[1] > SPARE * (WHOLE * resolution) ** 2


def second_levels(settings: Settings, schedule: NoiseSchedule, strength: float | None = None) -> Tensor:
    """Falling sigmas [k + 1] of the second pass, the last k steps of a run, k = strength x steps.

    strength: None = the second pass'.
    """
    strength = settings.second_strength if strength is None else strength
    steps = max(1, round(strength * settings.steps))
    run = max(settings.steps, math.ceil(steps / strength - 1e-9))
    levels = noise_levels(settings.sampler, settings.scheduler, run, schedule)
    return levels[len(levels) - 1 - steps:]


def begun_from(
    pictures: Sequence[Image.Image], drawing: Tensor, placement: Placement, gap: float,
) -> Iterator[Tensor]:
    """What the second pass begins from, before it is encoded: of each picture [1, 3, H, W] in [-1, 1].

    pictures: the first pass', of the wanted frame; drawing: [1, 3, H, W] of the second's canvas, lines +1 on -1; gap:
    of `find_areas`. Around the wanted frame its edge goes on.
    """
    p = placement
    lines = drawing[0, :, p.top:p.top + p.height, p.left:p.left + p.width].permute(1, 2, 0)
    paper = ((1 - lines) * 127.5).round().clamp(0, 255).to(torch.uint8).contiguous().numpy()
    below, right = p.canvas_height - p.top - p.height, p.canvas_width - p.left - p.width
    divided = DividedDrawing.of(paper, gap)
    for picture in pictures:
        even = (max(1, round(picture.height * p.width / p.height)), picture.height)  # rounded to the canvas by a pixel
        small = picture if picture.size == even else picture.resize(even, Image.Resampling.LANCZOS)
        large = np.asarray(divided.carried(small).picture().convert("RGB"))
        whole = np.pad(large, ((p.top, below), (p.left, right), (0, 0)), mode="edge")
        yield torch.from_numpy(whole).permute(2, 0, 1).float()[None] / 127.5 - 1

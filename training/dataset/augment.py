"""Augmentation: what is drawn for a sample, and what it does to a picture. Equal to the released trainer's pixels.

A draw is a pure function of (seed, epoch, index); every number is drawn always, so that switching one augmentation on
leaves the others as they were.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageEnhance

from training.dataset.options import DataOptions

Size = tuple[int, int]  # (width, height)
WHITE: dict[str, int | tuple[int, int, int]] = {"L": 255, "RGB": (255, 255, 255)}  # of each mode that pictures come in


@dataclass(frozen=True)
class Draw:
    """All chance of one sample."""

    flip: bool
    angle: float  # degrees counterclockwise, 0 = not rotated
    zoom: float  # 1 = just covers the bucket
    place: tuple[float, float]  # of the crop, down and right, [0, 1) of the room there is
    colour: tuple[float, float, float]  # factors on brightness, contrast, saturation
    margins: tuple[int, int]  # px off the sketch, above and below, left and right
    white_background: bool
    window: tuple[float, float]  # place of the window, as `place`


def draw_augmentation(options: DataOptions, seed: int, epoch: int, index: int) -> Draw:
    """The draw of one sample in one epoch."""
    u = np.random.default_rng((seed, epoch, index)).random(16)
    rotated = u[1] < options.rotate_rate
    place = (float(u[4]), float(u[5])) if options.crop == "random" else (0.5, 0.5)
    margins = [int(u[9 + 2 * i] * (options.max_margin + 1)) * int(u[10 + 2 * i] < options.margin_rate)
               for i in range(2)]
    return Draw(
        flip=bool(options.flip and u[0] < 0.5),
        angle=float((2 * u[2] - 1) * options.rotate) if rotated else 0.0,
        zoom=float(1 + u[3] * (options.zoom - 1)),
        place=place,
        colour=(_factor(u[6], options), _factor(u[7], options), _factor(u[8], options)),
        margins=(margins[0], margins[1]),
        white_background=bool(u[13] < options.white_background),
        window=(float(u[14]), float(u[15])),
    )


def _factor(x: float, options: DataOptions) -> float:
    """x in [0, 1) -> 1 - jitter to 1 + jitter."""
    return float(1 + (2 * x - 1) * options.jitter)


def geometry(image: Image.Image, chosen: Draw, size: Size, squash: bool = False) -> Image.Image:
    """Flip, rotation, resize and crop, which sketch, picture and mask share; of `size`, the mode as it was."""
    if chosen.flip:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if chosen.angle:
        image = rotate(image, chosen.angle)
    if squash:
        return resize(image, size)
    scale = max(size[0] / image.width, size[1] / image.height) * chosen.zoom
    covering = (max(size[0], _down(image.width * scale)), max(size[1], _down(image.height * scale)))
    top, left = (int(place * (room - side + 1)) for place, room, side
                 in zip(chosen.place, covering[::-1], size[::-1]))
    return crop(resize(image, covering), left, top, size)


def _down(length: float) -> int:
    """The whole number below, as the released trainer rounds; a product that misses it by float's error is that one."""
    return int(length + 1e-6)


def rotate(image: Image.Image, angle: float) -> Image.Image:
    """By `angle` degrees counterclockwise about the middle; the same size, white where nothing was."""
    return image.rotate(angle, Image.Resampling.NEAREST, fillcolor=WHITE[image.mode])


def resize(image: Image.Image, size: Size) -> Image.Image:
    """Bicubic, antialiased when made smaller."""
    return image if image.size == size else image.resize(size, Image.Resampling.BICUBIC)


def crop(image: Image.Image, left: int, top: int, size: Size) -> Image.Image:
    """The part of `size` at that corner."""
    return image.crop((left, top, left + size[0], top + size[1]))


def jitter(image: Image.Image, factors: tuple[float, float, float]) -> Image.Image:
    """Brightness, then contrast, then saturation, times their factors."""
    for enhance, factor in zip((ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color), factors):
        if factor != 1:
            image = enhance(image).enhance(factor)
    return image


def erase_margins(image: Image.Image, margins: tuple[int, int]) -> Image.Image:
    """Centre crop of the sketch alone (section 4.1): rows and columns of its margins become white paper.

    At least one pixel is left each way; the released trainer crashes there (quirk 37).
    """
    rows, columns = (min(margin, (side - 1) // 2) for margin, side in zip(margins, image.size[::-1]))
    if not rows and not columns:
        return image
    kept = (columns, rows, image.width - columns, image.height - rows)
    paper = Image.new(image.mode, image.size, WHITE[image.mode])
    paper.paste(image.crop(kept), kept[:2])
    return paper


def white_background(image: Image.Image, mask: Image.Image) -> Image.Image:
    """White where the mask (white = figure) is dark."""
    return Image.composite(image, Image.new(image.mode, image.size, WHITE[image.mode]), mask.convert("L"))

"""Blue or red construction pencil taken off a drawing, where ink or pencil in black was drawn over it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..method.reading_settings import ConstructionPencil
from .small_copies import at_most

Floats = NDArray[np.float32]

LOOK = 512  # pixels, the longer side at which paper and pencil are measured
LEAST = 0.08  # density that the pencil has in one channel more than in another: less is paper or dirt
STRAY = 0.12  # of a pencil's density that may be taken for black, for no pencil has one colour


def without_pencil(image: Image.Image, which: ConstructionPencil) -> Image.Image:
    """RGB, dark lines on light -> the same with that pencil gone, grey; the very picture where there is none of it.

    Colour deconvolution (Ruifrok and Johnston 2001): the density of a place, -log of its light over the paper's, is so
    much pencil and so much black; the black is kept.
    """
    pixels = np.asarray(at_most(image, LOOK), dtype=np.float32).reshape(-1, 3)
    paper = np.maximum(np.percentile(pixels, 85, axis=0), 16).astype(np.float32)
    density = _density(pixels, paper)
    colours = [found for each in (ConstructionPencil.BLUE, ConstructionPencil.RED)
               if which in (each, ConstructionPencil.BOTH) and (found := _pencil(density, each)) is not None]
    if not colours:
        return image
    out = np.empty((image.height, image.width), np.uint8)
    picture = np.asarray(image)
    for top in range(0, image.height, 256):
        rows = slice(top, top + 256)
        black = _density(picture[rows].astype(np.float32), paper)
        for colour in colours:
            black = _unmixed(black, colour)
        out[rows] = np.rint(255 * np.exp(-black.max(-1)))
    return Image.fromarray(out).convert("RGB")


def _density(pixels: Floats, paper: Floats) -> Floats:
    found: Floats = np.maximum(-np.log(np.maximum(pixels, 1) / paper), 0)
    return found


def _pencil(density: Floats, which: ConstructionPencil) -> Floats | None:
    """[3]: the pencil's density where it is strongest in one channel as 1; None when there is next to none of it."""
    red, green, blue = density.T
    if which is ConstructionPencil.RED:
        coloured = (green - red > _much(density)) & (blue - red > _much(density) / 2)
    else:
        coloured = (red - blue > _much(density)) & (red >= green)
    if coloured.mean() < 2e-4:
        return None
    own = density[coloured]
    own = own / own.max(-1, keepdims=True)
    purest = own.min(-1) <= np.quantile(own.min(-1), 0.3)  # the rest has black in it
    colour = np.median(own[purest], 0)
    found: Floats = (colour / colour.max()).astype(np.float32)
    return found


def _much(density: Floats) -> Floats:
    """[N]: the difference between channels that counts as a colour; grain in black differs too."""
    found: Floats = np.maximum(LEAST, 0.25 * density.max(-1))
    return found


def _unmixed(density: Floats, pencil: Floats) -> Floats:
    """density [..., 3] less its pencil, by least squares: what is black is the same in each channel."""
    across, along = float(pencil.sum()), float(pencil @ pencil)
    whole = 3 * along - across**2
    if whole < 1e-3:
        return density
    dot, total = density @ pencil, density.sum(-1)
    much = (3 * dot - across * total) / whole
    black = (along * total - across * dot) / whole
    coloured = much > 0.02
    kept = np.maximum(black - STRAY * much, 0)[..., None]
    found: Floats = np.where(coloured[..., None], kept, density).astype(np.float32)
    return found

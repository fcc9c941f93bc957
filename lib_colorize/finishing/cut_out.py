"""The figure of a finished picture alone: what is opaque follows whole areas, and the lines that bound them stay."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage

from .areas import INK, WORKING, darkest
from .ink import Ink

MOST, FEW = 0.85, 0.15  # of an area's opacity: beyond them all of it is opaque, or nothing
BLUR = 1.5  # px of the mask: so near to a line it is not asked
WIDEST = 95  # percent of line pixels that the lines which bound the figure are no wider than
BESIDE = 2.0  # px at the working size, that a line may lie off the figure


def snapped(mask: Image.Image, labels: np.ndarray, ink: Ink) -> tuple[np.ndarray, Ink]:
    """[H, W] bool, the opaque pixels of the colours, and the lines that stay.

    mask: grey, white = opaque, of any size; labels: [H, W] int32, the areas. An area that the mask cuts through well
    away from lines is cut so. A line stays where the mask has it, and where it is as near to the figure as lines are
    wide.
    """
    height, width = labels.shape
    wanted = np.asarray(mask.convert("L").resize((width, height), Image.Resampling.BICUBIC))
    step = max(1, -(-max(height, width) // WORKING))
    lines = darkest(ink.alpha, step) >= INK * 255
    away = ndimage.distance_transform_edt(~lines) if lines.any() else np.full(lines.shape, np.inf)
    blur = BLUR * max(1.0, max(lines.shape) / max(mask.size))
    share, cut = _share(labels[::step, ::step], wanted[::step, ::step], away > blur, int(labels.max()) + 1)
    inside = (share >= 0.5)[labels]
    np.copyto(inside, wanted >= 128, where=cut[labels])
    kept = (wanted >= 128) | _beside(inside[::step, ::step] & ~lines, lines, step)[:height, :width]
    return inside, Ink(np.where(kept, ink.alpha, 0).astype(np.uint8), ink.colour)


def _share(labels: np.ndarray, wanted: np.ndarray, clear: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """[most] each, by area: how much of it is opaque, and whether the mask cuts through it.

    clear: [h, w] bool, away from lines; an area that is nowhere so is asked all over, and never cut.
    """
    counted = np.bincount(labels[clear], minlength=most)
    found = np.bincount(labels[clear], wanted[clear], most) / np.maximum(counted, 1) / 255
    all_over = np.bincount(labels.ravel(), wanted.ravel(), most) / np.maximum(
        np.bincount(labels.ravel(), minlength=most), 1) / 255
    return np.where(counted > 0, found, all_over), (counted > 0) & (found > FEW) & (found < MOST)


def _beside(figure: np.ndarray, lines: np.ndarray, step: int) -> np.ndarray:
    """[h, w] bool each -> the same by `step` times as large: what is as near to the figure as lines are wide."""
    if not figure.any() or not lines.any():
        near = np.zeros(figure.shape, bool)
    else:
        half = float(np.percentile(ndimage.distance_transform_edt(lines)[lines], WIDEST))
        near = ndimage.distance_transform_edt(~figure) <= 2 * half + BESIDE
    found: np.ndarray = near.repeat(step, 0).repeat(step, 1)
    return found

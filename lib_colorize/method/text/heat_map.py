"""What a text finds in a reference, drawn over it: four levels of likeness (variants.md section 5, "Heat map")."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ...errors import ColorizeError
from .manipulation import evened

LEVEL = 63  # of 255, what each threshold that is reached adds
LINES = 16  # of a grid over the picture, each way
PICTURE, COLOUR = 0.3, 0.7  # shares


def heat_maps(tokens: Tensor, text: Tensor, size: tuple[int, int], thresholds: Sequence[float]) -> list[Tensor]:
    """tokens: [1, 1 + N, D], CLS first, N a square; text: [D]; size: (H, W) -> for each threshold uint8 [H, W],
    LEVEL where the likeness, from 0 at the picture's least to 1 at its largest, is at or above it, else 0.
    """
    local = tokens[:, 1:].float() @ text.float().to(tokens.device)
    side = round(local.shape[1] ** 0.5)
    if side * side != local.shape[1]:
        raise ColorizeError(f"heat map: found {local.shape[1]} local tokens, expected a square number")
    u = evened(F.interpolate(local.view(1, 1, side, side), size, mode="bicubic")[0, 0])
    return [(u >= threshold).to(torch.uint8) * LEVEL for threshold in thresholds]


def heat_picture(picture: Image.Image, maps: Sequence[Tensor]) -> Image.Image:
    """The maps' sum in colours over the picture, of the picture's size, under a grid."""
    pixels = np.asarray(picture.convert("RGB"), dtype=np.float64)
    heat = np.stack([level.cpu().numpy() for level in maps]).sum(axis=0, dtype=np.int64)
    drawn = np.rint(PICTURE * pixels + COLOUR * jet(heat)).clip(0, 255).astype(np.uint8)
    height, width = heat.shape
    for i in range(LINES):
        drawn[i * (height // LINES)] = 0
        drawn[:, i * (width // LINES)] = 0
    return Image.fromarray(drawn)


def jet(values: np.ndarray) -> np.ndarray:
    """[H, W] of 0 to 255 -> [H, W, 3] whole numbers of 0 to 255, blue over green to red."""
    x = values / 255
    rising, falling = (1.5, 0.5, -0.5), (4.5, 3.5, 2.5)
    channels = [np.minimum(4 * x - up, down - 4 * x).clip(0, 1) for up, down in zip(rising, falling)]
    colours: np.ndarray = np.rint(255 * np.stack(channels, axis=-1))
    return colours

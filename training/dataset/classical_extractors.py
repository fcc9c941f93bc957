"""Line extractors that need no weights: a picture -> black lines on white paper of the same size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter
from torch import Tensor

from lib_colorize.errors import ColorizeError
from lib_colorize.pictures import lineart

Extract = Callable[[Image.Image], Image.Image]  # RGB -> L


def _no_weights(weights: Path | None, name: str) -> None:
    if weights is not None:
        raise ColorizeError(f"extractor {name}: takes no weights, found {weights}; leave the file out")


def make_lineart(weights: Path | None, device: str) -> Extract:
    """What is darker than its surroundings: drawn outlines, of art that has them."""
    _no_weights(weights, "lineart")

    def extract(picture: Image.Image) -> Image.Image:
        x = torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() / 255
        return to_picture(1 - lineart.extractor("lineart").draw(x)[0])

    return extract


def make_edges(weights: Path | None, device: str) -> Extract:
    """Soft-thresholded difference of Gaussians (XDoG, Winnemoeller 2012, with tau = 1): edges of painted art too."""
    _no_weights(weights, "edges")

    def extract(picture: Image.Image) -> Image.Image:
        grey = np.asarray(picture.convert("L"), dtype=np.float64) / 255
        difference = gaussian_filter(grey, 1.0) - gaussian_filter(grey, 1.6)  # below 0 on the dark side of an edge
        return to_picture(torch.from_numpy(1 + np.tanh(40 * np.minimum(difference + 0.01, 0))))

    return extract


def to_picture(paper: Tensor) -> Image.Image:
    """paper: [h, w], 0 = line, 1 = paper -> L."""
    return Image.fromarray((paper.clamp(0, 1) * 255).round().to(torch.uint8).numpy())

"""A picture's transparency laid over paper, and its pixels as a tensor."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

WHITE, BLACK = 255, 0


def over_paper(image: Image.Image, grey: int) -> Image.Image:
    """RGB or RGBA -> RGB, over paper of that grey."""
    return over_colour(image, (grey, grey, grey))


def over_colour(image: Image.Image, colour: tuple[int, int, int]) -> Image.Image:
    """RGB or RGBA -> RGB, over a plain colour; an opaque picture is given back as it is."""
    if image.mode != "RGBA":
        return image
    ground = Image.new("RGBA", image.size, (*colour, 255))
    return Image.alpha_composite(ground, image).convert("RGB")


def as_unit(image: Image.Image) -> Tensor:
    """RGB or RGBA picture -> [3 or 4, h, w] in [0, 1]."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255

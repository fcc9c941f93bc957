"""A mask, or a region of a picture, laid on the canvas just as the sketch is: in the engine and in the hosts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .reading import shrunk


def over_black(mask: Image.Image) -> Image.Image:
    """Grey, white = here; transparent is not here."""
    if mask.mode in ("RGBA", "LA", "PA") or "transparency" in mask.info:
        mask = mask.convert("RGBA")
        mask = Image.alpha_composite(Image.new("RGBA", mask.size, (0, 0, 0, 255)), mask)
    return mask.convert("L")


def mask_tensor(mask: Image.Image) -> Tensor:
    """A grey picture, white = here -> [1, 1, h, w] in [0, 1], at the size that its picture is worked with."""
    return torch.from_numpy(np.array(shrunk(mask.convert("L")))).float()[None, None] / 255


def lay_mask(mask: Image.Image, place: Callable[[Tensor], Tensor]) -> Tensor:
    """mask: grey, white = here, of the sketch's own shape -> [1, 1, H, W] in [0, 1] on the canvas; nothing around it.

    place: what lays the sketch there, `canvas.SketchLayout.place` or `framing.Frame.place`: paper is -1 for both.
    """
    return ((place(mask_tensor(mask) * 2 - 1) + 1) / 2).clamp(0, 1)

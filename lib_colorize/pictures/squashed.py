"""A reference squashed to the canvas, as the picture that is injected into the U-Net (variants.md section 4)."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .eight_bits import to_8bit
from .flattening import WHITE, over_paper


def squashed(image: Image.Image, height: int, width: int) -> Tensor:
    """[1, 3, height, width] in [-1, 1]; PIL's bicubic, which the authors' app has, transparency over white."""
    resized = over_paper(to_8bit(image), WHITE).resize((width, height), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(resized)).permute(2, 0, 1).float()[None] / 127.5 - 1

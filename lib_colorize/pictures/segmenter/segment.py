"""A picture -> a mask of its figure, by U2-NetP."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ...errors import ColorizeError
from .u2net import U2NetP

WEIGHTS = Path(__file__).resolve().parents[3] / "models" / "u2netp.safetensors"
SIDE = 320  # pixels, of the network's square input
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # as it was trained, section 4.2 of its code's release


def segment(picture: Image.Image) -> Image.Image:
    """Any picture, transparency over white -> grey, white = figure, of the same size. On the CPU, half a second.

    The map is taken as it comes: stretched to its own smallest and largest value, as its authors show it, a picture
    without any figure would have one.
    """
    network = load_segmenter()
    small = on_white(picture).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    x = torch.from_numpy(np.array(small)).permute(2, 0, 1)[None].float() / 255
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
    with torch.no_grad():
        found = network((x - mean) / std)[0, 0]
    mask = Image.fromarray((found * 255).round().to(torch.uint8).numpy())
    return mask.resize(picture.size, Image.Resampling.BICUBIC)


def load_segmenter() -> U2NetP:
    """The network with its weights, float32 on the CPU; ColorizeError when the file is missing or another one."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    network = U2NetP()
    try:
        network.load_state_dict(load_file(WEIGHTS))
    except FileNotFoundError:
        raise ColorizeError(f"the weights of the segmenter, {WEIGHTS}, are missing; draw a mask, or install the "
                            "extension again") from None
    except (SafetensorError, OSError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ColorizeError(f"{WEIGHTS}: not the weights of the segmenter ({reason}); install the extension again"
                            ) from None
    return network.eval()


def on_white(picture: Image.Image) -> Image.Image:
    """RGB; what is transparent becomes white."""
    if picture.mode != "RGBA":
        return picture.convert("RGB")
    white = Image.new("RGBA", picture.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, picture).convert("RGB")

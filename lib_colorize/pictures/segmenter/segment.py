"""A picture -> a mask of its figure, by U2-NetP."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ...errors import ColorizeError
from ..flattening import WHITE, over_paper
from .u2net import U2NetP

WEIGHTS = Path(__file__).resolve().parents[3] / "models" / "u2netp.safetensors"
SIDE = 320  # pixels, of the network's square input
FIGURE = 76  # of 255: how sure the first look has to be
OUTLYING = (1, 99)  # per cent of the figure's columns and rows, within which it is looked at closer
MARGIN, CLOSE = 0.25, 0.8  # of the figure's longer side around it; of the picture: with less it is looked at closer
SAME = 0.5  # intersection over union: a closer look that finds something else is not believed
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # as it was trained, section 4.2 of its code's release


def segment(picture: Image.Image) -> Image.Image:
    """Any picture, transparency over white -> grey, white = figure, of the same size. On the CPU, about a second.

    A figure that takes a part of its picture is looked at twice, the second time alone: squashed to the network's
    square with all that is around it, a small one is lost. The map is taken as it comes: stretched to its own smallest
    and largest value, as its authors show it, a picture without any figure would have one.
    """
    network, whole = load_segmenter(), over_paper(picture, WHITE).convert("RGB")
    mask = _map_of(network, whole)
    box = _around_figure(np.asarray(mask))
    if box is None:
        return mask
    closer = Image.new("L", mask.size)
    closer.paste(_map_of(network, whole.crop(box)), box)
    seen, again = (np.asarray(each) > FIGURE for each in (mask, closer))
    return closer if (seen & again).sum() >= SAME * (seen | again).sum() else mask


def _around_figure(mask: np.ndarray) -> tuple[int, int, int, int] | None:
    """The part [h, w] of a picture that is worth a closer look; None where it is nearly all of it, or nothing."""
    h, w = mask.shape
    y, x = np.nonzero(mask > FIGURE)
    if not len(x):
        return None
    (left, right), (top, bottom) = np.percentile(x, OUTLYING), np.percentile(y, OUTLYING)
    margin = MARGIN * max(right - left, bottom - top)
    box = (int(max(0, left - margin)), int(max(0, top - margin)),
           int(min(w, right + margin)) + 1, int(min(h, bottom + margin)) + 1)
    box = (box[0], box[1], min(box[2], w), min(box[3], h))
    return box if (box[2] - box[0]) * (box[3] - box[1]) < CLOSE * w * h else None


def _map_of(network: U2NetP, picture: Image.Image) -> Image.Image:
    """RGB -> what the network sees in all of it."""
    small = picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
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

"""The paper's two line extractors, networks whose weights are the user's to fetch; read with `weights_only=True`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn

from lib_colorize.checkpoint.files import open_tensors
from lib_colorize.errors import ColorizeError
from training.dataset.classical_extractors import Extract, to_picture
from training.dataset.decode import BadPicture
from training.dataset.extractor_networks import Anime2Sketch, SketchKeras

SIDE = 512  # px that both networks were trained at


def make_anime2sketch(weights: Path | None, device: str) -> Extract:
    """As published: squashed to 512 x 512, the lines resized back."""
    network = load_extractor_network(
        Anime2Sketch(), weights, "anime2sketch", "netG.pth of Mukosame/Anime2Sketch", device)

    @torch.no_grad()
    def extract(picture: Image.Image) -> Image.Image:
        x = torch.from_numpy(np.array(picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC)))
        y = network((x.permute(2, 0, 1)[None].float() / 127.5 - 1).to(device))[0, 0]
        return to_picture((y.cpu() + 1) / 2).resize(picture.size, Image.Resampling.BICUBIC)

    return extract


def make_sketchkeras(weights: Path | None, device: str, threshold: float = 0.1) -> Extract:
    """As published: longer side 512, high-passed channels one by one, the strongest line of the three."""
    network = load_extractor_network(SketchKeras(), weights, "sketchkeras", "model.pth of the PyTorch port", device)

    @torch.no_grad()
    def extract(picture: Image.Image) -> Image.Image:
        scale = SIDE / max(picture.size)
        small = picture.resize([max(1, int(side * scale)) for side in picture.size], Image.Resampling.BILINEAR)
        lines = network(high_pass(small)[:, None].to(device))[:, 0].amax(0)[:small.height, :small.width].cpu()
        return to_picture(1 - torch.where(lines < threshold, 0, lines)).resize(picture.size, Image.Resampling.BICUBIC)

    return extract


def high_pass(picture: Image.Image) -> Tensor:
    """RGB up to SIDE px -> [3, SIDE, SIDE]: each channel less its blur (sigma 3), the largest value 1, 0 beyond it."""
    pixels = np.asarray(picture, dtype=np.float64)
    blurred = np.rint(gaussian_filter(pixels, (3, 3, 0), mode="mirror", truncate=3.0))  # as OpenCV's 8-bit blur
    high = (pixels - blurred) / 128
    if high.max() <= 0:
        raise BadPicture("no lines found", "a picture of one colour has no lines")
    canvas = torch.zeros(3, SIDE, SIDE)
    canvas[:, :picture.height, :picture.width] = torch.from_numpy(high / high.max()).permute(2, 0, 1)
    return canvas


def load_extractor_network(
    network: nn.Module, weights: Path | None, name: str, expected: str, device: str,
) -> nn.Module:
    """The network with its weights, strictly; ColorizeError when the file is missing or another one."""
    if weights is None:
        raise ColorizeError(f"extractor {name}: needs its weights, {expected}; give --extractor {name}=FILE, or use "
                            "lineart or edges, which need none")
    with open_tensors(weights) as file:
        state = {key.removeprefix("module."): file.tensor(key) for key in file.entries}
    wanted = network.state_dict()
    counters = {key for key in wanted if key.endswith("num_batches_tracked")}  # old files lack them
    missing = sorted(set(wanted) - set(state) - counters)
    unexpected = sorted(set(state) - set(wanted))
    shapes = [key for key in wanted if key in state and wanted[key].shape != state[key].shape]
    if missing or unexpected or shapes:
        raise ColorizeError(f"{weights}: not {expected}: {len(missing)} keys missing ({', '.join(missing[:2])}), "
                            f"{len(unexpected)} unexpected ({', '.join(unexpected[:2])}), {len(shapes)} of wrong shape")
    network.load_state_dict({**{key: wanted[key] for key in counters}, **state})
    return network.eval().to(device)

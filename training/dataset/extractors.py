"""Line extractors of the builder: a picture -> black lines on white paper of the same size. One registry.

`lineart` and `edges` need no weights. `anime2sketch` and `sketchkeras` are the paper's two; their weights are yours to
fetch, and are read with `weights_only=True`. A mixture names several with shares: every picture gets one of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn

from lib_colorize.checkpoint.files import open_tensors
from lib_colorize.errors import ColorizeError
from lib_colorize.method import lineart
from training.dataset.decode import BadPicture
from training.dataset.extractor_networks import Anime2Sketch, SketchKeras

SIDE = 512  # px that both networks were trained at
Extract = Callable[[Image.Image], Image.Image]  # RGB -> L
Make = Callable[[Path | None, str], Extract]  # (weights, device)
REGISTRY: dict[str, Make] = {}


def register(name: str, make: Make) -> None:
    """Add an extractor; a name that is taken raises ColorizeError."""
    if name in REGISTRY:
        raise ColorizeError(f"extractor {name!r} is registered already; choose another name")
    REGISTRY[name] = make


@dataclass(frozen=True)
class Choice:
    """One of a mixture: `anime2sketch=netG.pth:0.5`."""

    name: str
    weights: Path | None = None
    share: float = 1.0

    @classmethod
    def parse(cls, text: str) -> Choice:
        head, colon, tail = text.rpartition(":")
        try:
            share, text = (float(tail), head) if colon else (1.0, text)
        except ValueError:
            share = 1.0  # a colon of a path
        name, equals, file = text.partition("=")
        if name not in REGISTRY or not share > 0:
            raise ColorizeError(f"extractor {text!r}: expected NAME, NAME=WEIGHTS or NAME=WEIGHTS:SHARE with a name of "
                                f"{', '.join(REGISTRY)} and a share above 0")
        return cls(name, Path(file) if equals else None, share)


class Mixture:
    """Every picture gets one extractor, chosen by its name and the seed alone."""

    def __init__(self, choices: Sequence[Choice], seed: int = 0, device: str = "cpu") -> None:
        if not choices:
            raise ColorizeError(f"no extractor; expected at least one of {', '.join(REGISTRY)}")
        self.choices, self.seed = tuple(choices), seed
        self._extract = [REGISTRY[choice.name](choice.weights, device) for choice in choices]

    def index(self, name: str) -> int:
        """Which of the choices the picture of that name gets."""
        digest = hashlib.sha256(f"{self.seed}:{name}".encode()).digest()
        place = int.from_bytes(digest[:8], "big") / 2**64 * sum(choice.share for choice in self.choices)
        sums = np.cumsum([choice.share for choice in self.choices])
        return min(int(np.searchsorted(sums, place, side="right")), len(sums) - 1)

    def __call__(self, name: str, picture: Image.Image) -> tuple[Image.Image, str]:
        """picture: RGB -> its lines (L, black on white, same size), and which extractor drew them."""
        chosen = self.index(name)
        lines = self._extract[chosen](picture)
        if np.ptp(np.asarray(lines)) / 255 < lineart.MIN_CONTRAST:
            raise BadPicture("no lines found", f"{name}: {self.choices[chosen].name} finds no lines")
        return lines, self.choices[chosen].name


def _no_weights(weights: Path | None, name: str) -> None:
    if weights is not None:
        raise ColorizeError(f"extractor {name}: takes no weights, found {weights}; leave the file out")


def _lineart(weights: Path | None, device: str) -> Extract:
    """What is darker than its surroundings: drawn outlines, of art that has them."""
    _no_weights(weights, "lineart")

    def extract(picture: Image.Image) -> Image.Image:
        x = torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() / 255
        return to_picture(1 - lineart.extractor("lineart").draw(x)[0])

    return extract


def _edges(weights: Path | None, device: str) -> Extract:
    """Soft-thresholded difference of Gaussians (XDoG, Winnemoeller 2012, with tau = 1): edges of painted art too."""
    _no_weights(weights, "edges")

    def extract(picture: Image.Image) -> Image.Image:
        grey = np.asarray(picture.convert("L"), dtype=np.float64) / 255
        difference = gaussian_filter(grey, 1.0) - gaussian_filter(grey, 1.6)  # below 0 on the dark side of an edge
        return to_picture(torch.from_numpy(1 + np.tanh(40 * np.minimum(difference + 0.01, 0))))

    return extract


def _anime2sketch(weights: Path | None, device: str) -> Extract:
    """As published: squashed to 512 x 512, the lines resized back."""
    network = load(Anime2Sketch(), weights, "anime2sketch", "netG.pth of Mukosame/Anime2Sketch", device)

    @torch.no_grad()
    def extract(picture: Image.Image) -> Image.Image:
        x = torch.from_numpy(np.array(picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC)))
        y = network((x.permute(2, 0, 1)[None].float() / 127.5 - 1).to(device))[0, 0]
        return to_picture((y.cpu() + 1) / 2).resize(picture.size, Image.Resampling.BICUBIC)

    return extract


def _sketchkeras(weights: Path | None, device: str, threshold: float = 0.1) -> Extract:
    """As published: longer side 512, high-passed channels one by one, the strongest line of the three."""
    network = load(SketchKeras(), weights, "sketchkeras", "model.pth of the PyTorch port", device)

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


def load(network: nn.Module, weights: Path | None, name: str, expected: str, device: str) -> nn.Module:
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


def to_picture(paper: Tensor) -> Image.Image:
    """paper: [h, w], 0 = line, 1 = paper -> L."""
    return Image.fromarray((paper.clamp(0, 1) * 255).round().to(torch.uint8).numpy())


for _name, _make in {"lineart": _lineart, "edges": _edges, "anime2sketch": _anime2sketch,
                     "sketchkeras": _sketchkeras}.items():
    register(_name, _make)

"""The learned line extractor: a small U-Net from a picture in its colours to the lines that a person would draw.

Learned line drawings go back to Simo-Serra et al. 2016 ("Learning to Simplify", SIGGRAPH) and to holistically nested
edges (Xie and Tu 2015); this one is of the kind but a hundredth of their size. How its weights were made:
`python -m training.train_lines`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import ColorizeError

WEIGHTS = Path(__file__).resolve().parents[2] / "models" / "lines.safetensors"
MULTIPLE = 16  # pixels, of the sides that the network takes: four levels below the picture halve
DOUBTFUL, CERTAIN = 0.15, 0.75  # probability of a line up to which there is none, and from which it has full ink
FINE = 8  # channels at the picture's own size


def plain_block(before: int, after: int, stride: int) -> nn.Module:
    """A convolution and a ReLU; in training a batch norm stands between them, folded away afterwards."""
    return nn.Sequential(nn.Conv2d(before, after, 3, stride, 1), nn.ReLU(inplace=True))


class LineNet(nn.Module):
    """[B, 3, H, W] in [0, 1], sides multiples of MULTIPLE -> logits of lines [B, 1, H, W]."""

    def __init__(self, widths: tuple[int, int, int, int] = (16, 40, 64, 64),
                 block: Callable[[int, int, int], nn.Module] = plain_block) -> None:
        """widths: channels at 1/2, 1/4, 1/8 and 1/16 of the sides."""
        super().__init__()
        self.down = nn.ModuleList()
        for before, after in zip((3, *widths), widths):
            self.down.append(nn.Sequential(block(before, after, 2), block(after, after, 1)))
        steps = zip(widths[:0:-1], widths[-2::-1])
        self.up = nn.ModuleList(block(below + beside, beside, 1) for below, beside in steps)
        self.spread = block(widths[0], 4 * FINE, 1)
        self.own = block(3, FINE, 1)
        self.out = nn.Conv2d(2 * FINE, 1, 3, 1, 1)

    def forward(self, picture: Tensor) -> Tensor:
        x = picture * 2 - 1
        own, levels = self.own(x), []
        for down in self.down:
            x = down(x)
            levels.append(x)
        for up, beside in zip(self.up, levels[-2::-1]):
            x = up(torch.cat([F.interpolate(x, scale_factor=2.0, mode="nearest"), beside], 1))
        logits: Tensor = self.out(torch.cat([F.pixel_shuffle(self.spread(x), 2), own], 1))
        return logits


@functools.lru_cache(maxsize=1)
def line_net(file: Path = WEIGHTS) -> LineNet:
    """The shipped network, read once; ColorizeError when its file is not there or is another one."""
    from safetensors.torch import load_file

    try:
        state = load_file(file)
    except Exception as error:  # noqa: BLE001 - safetensors' own errors have no common class
        raise ColorizeError(f"{file}: the line extractor's weights cannot be read ({error}); get the file again, or "
                            "use another extractor") from None
    with torch.device("meta"):
        network = LineNet()
    try:
        network.load_state_dict({key: value.float() for key, value in state.items()}, strict=True, assign=True)
    except RuntimeError:
        raise ColorizeError(f"{file}: not the line extractor's weights; get the file again, or use another extractor"
                            ) from None
    return network.eval().requires_grad_(False)


def draw_lines(picture: Tensor) -> Tensor:
    """picture: [3, h, w] in [0, 1], its own colours -> [1, h, w] in [0, 1], 1 = line."""
    _, h, w = picture.shape
    around = (MULTIPLE, MULTIPLE + -w % MULTIPLE, MULTIPLE, MULTIPLE + -h % MULTIPLE)  # or the picture's end is a line
    with torch.no_grad():
        logits: Tensor = line_net()(F.pad(picture[None], around, mode="replicate"))
    sure = logits[0, :, MULTIPLE:MULTIPLE + h, MULTIPLE:MULTIPLE + w].sigmoid()
    return ((sure - DOUBTFUL) / (CERTAIN - DOUBTFUL)).clamp(0, 1)

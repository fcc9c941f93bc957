"""The two line extractors of the paper as networks, with the layer names of their public weight files.

Anime2Sketch (Xiaoyu Xiang, MIT): pix2pix's U-Net with instance norms, file netG.pth. SketchKeras (lllyasviel) in the
layout of its PyTorch port, file model.pth. No weights come with this project.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Skip(nn.Module):
    """One level of pix2pix's U-Net: x beside what half the resolution makes of it; the outermost gives that alone."""

    def __init__(self, outer: int, inner: int, inside: Skip | None, given: int | None = None) -> None:
        """outer, inner: channels of its output (before the skip) and of the next level; given: of the input."""
        super().__init__()
        self.outermost = given is not None
        down: list[nn.Module] = [nn.Conv2d(given or outer, inner, 4, stride=2, padding=1)]
        if not self.outermost:
            down = [nn.LeakyReLU(0.2), *down] + ([nn.InstanceNorm2d(inner)] if inside else [])
        up = [nn.ReLU(), nn.ConvTranspose2d(2 * inner if inside else inner, outer, 4, stride=2, padding=1),
              nn.Tanh() if self.outermost else nn.InstanceNorm2d(outer)]
        self.model = nn.Sequential(*down, *([inside] if inside else []), *up)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.model(x)
        return made if self.outermost else torch.cat([x, made], dim=1)


class Anime2Sketch(nn.Module):
    """forward(x [B, 3, 256 n, 256 m] in [-1, 1]) -> [B, 1, H, W] in [-1, 1], lines -1 on 1."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        inside = None
        for _ in range(4):  # the innermost and three more of 8 x width
            inside = Skip(8 * width, 8 * width, inside)
        for factor in (4, 2, 1):
            inside = Skip(factor * width, 2 * factor * width, inside)
        self.model = Skip(1, width, inside, given=3)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.model(x)
        return made


def _steps(*convolutions: tuple[int, int, int, int], first: nn.Module | None = None) -> nn.Sequential:
    """Pad, convolution, norm and ReLU for each (in, out, kernel, stride); first: in front of all."""
    layers: list[nn.Module] = [] if first is None else [first]
    for given, out, kernel, stride in convolutions:
        after = 2 if kernel == 4 and stride == 1 else 1  # an even kernel keeps the size
        layers += [nn.ReflectionPad2d((1, after, 1, after)), nn.Conv2d(given, out, kernel, stride),
                   nn.BatchNorm2d(out, eps=1e-3), nn.ReLU()]
    return nn.Sequential(*layers)


class SketchKeras(nn.Module):
    """forward(x [B, 1, 16 n, 16 m], one high-passed channel each) -> [B, 1, H, W], about 1 = line, 0 = paper."""

    WIDTHS = (32, 64, 128, 256, 512)

    def __init__(self) -> None:
        super().__init__()
        parts: OrderedDict[str, nn.Module] = OrderedDict()
        parts["downblock_1"] = _steps((1, 32, 3, 1))
        for level, (given, out) in enumerate(zip(self.WIDTHS[:-2], self.WIDTHS[1:-1]), 2):
            parts[f"downblock_{level}"] = _steps((given, out, 4, 2), (out, out, 3, 1))
        parts["downblock_5"], parts["downblock_6"] = _steps((256, 512, 4, 2)), _steps((512, 512, 3, 1))
        for level, out in enumerate(self.WIDTHS[-2::-1], 1):
            parts[f"upblock_{level}"] = _steps((4 * out, 2 * out, 4, 1), (2 * out, out, 3, 1), first=nn.Upsample(
                scale_factor=2))
        for name, part in parts.items():
            self.add_module(name, part)
        self.last_conv = nn.Conv2d(64, 1, 3)

    def forward(self, x: Tensor) -> Tensor:
        downs = []
        for level in range(1, 6):
            x = self.get_submodule(f"downblock_{level}")(x)
            downs.append(x)
        x = self.get_submodule("downblock_6")(x)
        for level in range(1, 5):
            x = self.get_submodule(f"upblock_{level}")(torch.cat([downs.pop(), x], dim=1))
        lines: Tensor = self.last_conv(F.pad(torch.cat([downs.pop(), x], dim=1), (1, 1, 1, 1), mode="reflect"))
        return lines

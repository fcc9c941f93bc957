"""U2-NetP, the small salient object network of "U2-Net: Going Deeper with Nested U-Structure" (Qin et al. 2020)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MIDDLE, WIDTH = 16, 64  # channels within a block and out of it: the "P" of the paper's table 1
DEPTHS = (7, 6, 5, 4)  # of the blocks with pooling; two encoder blocks and a decoder block below dilate instead
DILATED = 4  # their depth


class ConvRelu(nn.Module):
    """3 x 3 convolution and ReLU; the batch norm between is folded into the weights."""

    def __init__(self, inputs: int, outputs: int, dilation: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        convolved: Tensor = self.conv(x)
        return F.relu(convolved)


class ResidualU(nn.Module):
    """RSU-L, figure 2 of the paper: a U-Net of L levels within a block, its input convolution added to its output.

    dilated: RSU-4F, which widens the field by dilations 1, 2, 4, 8 and keeps the size.
    """

    def __init__(self, inputs: int, depth: int, dilated: bool = False) -> None:
        super().__init__()
        self.dilated = dilated
        steps = [2**i if dilated else 1 for i in range(depth - 1)]
        self.conv_in = ConvRelu(inputs, WIDTH)
        self.down = nn.ModuleList(ConvRelu(MIDDLE if i else WIDTH, MIDDLE, step) for i, step in enumerate(steps))
        self.bottom = ConvRelu(MIDDLE, MIDDLE, 2 ** (depth - 1) if dilated else 2)
        self.up = nn.ModuleList(ConvRelu(2 * MIDDLE, MIDDLE if i < depth - 2 else WIDTH, step)
                                for i, step in enumerate(reversed(steps)))

    def forward(self, x: Tensor) -> Tensor:
        """x: [B, inputs, h, w] -> [B, WIDTH, h, w]."""
        x = self.conv_in(x)
        skips: list[Tensor] = []
        h = x
        for i, block in enumerate(self.down):
            h = block(halved(h) if i and not self.dilated else h)
            skips.append(h)
        h = self.bottom(h)
        for block in self.up:
            skip = skips.pop()
            h = block(torch.cat([resized(h, skip), skip], dim=1))
        added: Tensor = h + x
        return added


class U2NetP(nn.Module):
    """Six encoder blocks, five decoder blocks, a map from each level, and their fusion (figure 5 of the paper)."""

    def __init__(self) -> None:
        super().__init__()
        blocks = [(depth, False) for depth in DEPTHS] + [(DILATED, True)] * 2
        self.encoder = nn.ModuleList(ResidualU(WIDTH if i else 3, *block) for i, block in enumerate(blocks))
        self.decoder = nn.ModuleList(ResidualU(2 * WIDTH, *block) for block in blocks[-2::-1])
        self.side = nn.ModuleList(nn.Conv2d(WIDTH, 1, 3, padding=1) for _ in blocks)  # finest first
        self.join = nn.Conv2d(len(blocks), 1, 1)

    def forward(self, picture: Tensor) -> Tensor:
        """picture: [B, 3, h, w] -> how much each pixel is of the figure, [B, 1, h, w] in [0, 1]."""
        skips: list[Tensor] = []
        h = picture
        for i, block in enumerate(self.encoder):
            h = block(halved(h) if i else h)
            skips.append(h)
        levels = [skips.pop()]
        for block in self.decoder:
            skip = skips.pop()
            levels.append(block(torch.cat([resized(levels[-1], skip), skip], dim=1)))
        maps = [side(level) for side, level in zip(self.side, reversed(levels))]
        return torch.sigmoid(self.join(torch.cat([resized(each, picture) for each in maps], dim=1)))


def halved(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 2, ceil_mode=True)


def resized(x: Tensor, like: Tensor) -> Tensor:
    """To the height and width of another."""
    if x.shape[-2:] == like.shape[-2:]:
        return x
    return F.interpolate(x, like.shape[-2:], mode="bilinear", align_corners=False)

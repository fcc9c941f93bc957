"""v2: the encoder half of a U-Net, run once a picture: a background's maps, or a style (variants.md section 3)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ..network_config import UNetConfig
from ..unet import encoder_blocks
from ..unet_layers import timestep_embedding
from .widths import output_widths


class HalfUNet(nn.Module):
    """z [1, C, h, w], context [1, N, D], label [1, L] -> one tensor a block, in the decoder's order.

    Time is 0, hints are none. Keys as below `bg_encoder.` and `style_encoder.` of a file.
    """

    def __init__(self, config: UNetConfig, label_width: int) -> None:
        super().__init__()
        time = 4 * config.model_channels
        self.model_channels, self.label_width = config.model_channels, label_width
        self.time_embed = nn.Sequential(nn.Linear(config.model_channels, time), nn.SiLU(), nn.Linear(time, time))
        self.label_emb = nn.Sequential(
            nn.Sequential(nn.Linear(label_width, time), nn.SiLU(), nn.Linear(time, time)))
        self.input_blocks, self.skips, _ = encoder_blocks(config)
        self.zero_layers = nn.ModuleList()

    def forward(self, z: Tensor, context: Tensor, label: Tensor) -> tuple[Tensor, ...]:
        weight = next(self.parameters())
        embedded = timestep_embedding(torch.zeros(1, device=weight.device), self.model_channels)
        time = self.time_embed(embedded.to(weight)) + self.label_emb(label.to(weight))
        hidden, found = z.to(weight), list[Tensor]()
        for block, layer in zip(self.input_blocks, self.zero_layers):
            hidden = block(hidden, time, context.to(weight))
            found.append(self.read(layer, hidden))
        return tuple(reversed(found))

    def read(self, layer: nn.Module, hidden: Tensor) -> Tensor:
        """What is taken of one block's hidden state."""
        raise NotImplementedError


class BackgroundEncoder(HalfUNet):
    """-> maps [1, h_i w_i, c_i]."""

    def __init__(self, config: UNetConfig, label_width: int) -> None:
        super().__init__(config, label_width)
        self.zero_layers.extend(nn.Conv2d(c, c, 1) for c in self.skips)

    def read(self, layer: nn.Module, hidden: Tensor) -> Tensor:
        projected: Tensor = layer(hidden)
        return projected.flatten(2).transpose(1, 2)


class StyleEncoder(HalfUNet):
    """-> [1, 2 c_i], c_i the channels that output block i gives."""

    def __init__(self, config: UNetConfig, label_width: int) -> None:
        super().__init__(config, label_width)
        outputs = reversed(output_widths(config))
        self.zero_layers.extend(nn.Linear(c, 2 * out) for c, out in zip(self.skips, outputs))

    def read(self, layer: nn.Module, hidden: Tensor) -> Tensor:
        projected: Tensor = layer(hidden.mean(dim=(2, 3)))
        return projected


def label_width(shapes: Mapping[str, tuple[int, ...]]) -> int:
    """The label's numbers, of an encoder's shapes; KeyError when it is none."""
    return shapes["label_emb.0.0.weight"][1]


def size_label(size: tuple[int, int], canvas: tuple[int, int], width: int) -> Tensor:
    """size, canvas: (h, w) in pixels of a picture and of what is coloured -> [1, width], float32.

    Sines and cosines of the raw ratios; a picture smaller than the canvas counts as larger (section 3).
    """
    h, w = float(size[0]), float(size[1])
    if h < canvas[0] or w < canvas[1]:
        taller = h + max(canvas)
        h, w = taller, w / h * taller
    ratios = torch.tensor([h / canvas[0], w / canvas[1]])
    return timestep_embedding(ratios, width // 2).flatten()[None]

"""The sketch encoder: line art at image size -> the five hints that the U-Net adds to its hidden states."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

TRUNK = ((16, 1), (16, 1), (32, 2), (32, 1), (96, 2), (96, 1), (256, 2))  # (channels, stride) of model.0 to model.12


class SketchEncoder(nn.Module):
    """Section 1 of the method; parameter names are those of the released files below `control_encoder.`.

    The trunk brings the sketch to latent size, hint 0 is a 1x1 convolution of it; each of `len(channel_mult)` stages
    then gives one more hint. New encoders give hints of zero: training starts from the unconditioned U-Net.
    """

    def __init__(self, model_channels: int, channel_mult: Sequence[int] = (1, 2, 4, 4), in_channels: int = 3) -> None:
        super().__init__()
        trunk: list[nn.Module] = []
        channels = in_channels
        for out_channels, stride in TRUNK:
            trunk += [nn.Conv2d(channels, out_channels, 3, stride, 1), nn.SiLU()]
            channels = out_channels
        self.model = nn.Sequential(*trunk, nn.Conv2d(channels, model_channels, 3, 1, 1))
        self.zero_layer = nn.Sequential(nn.Conv2d(model_channels, model_channels, 1))

        self.output_blocks, self.zero_blocks = nn.ModuleList(), nn.ModuleList()
        channels = model_channels
        for level, factor in enumerate(channel_mult):
            out_channels = model_channels * factor
            stride = 2 if level < len(channel_mult) - 1 else 1  # the last hint goes to the end of the lowest level
            self.output_blocks.append(nn.Sequential(
                nn.SiLU(), nn.Conv2d(channels, out_channels, 3, stride, 1),
                nn.SiLU(), nn.Conv2d(out_channels, out_channels, 3, 1, 1)))
            self.zero_blocks.append(nn.Sequential(nn.Conv2d(out_channels, out_channels, 1)))
            channels = out_channels

        for module in (*self.zero_layer.modules(), *self.zero_blocks.modules()):
            if isinstance(module, nn.Conv2d):
                nn.init.zeros_(module.weight)
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]  # these convolutions have one

    def forward(self, sketch: Tensor) -> tuple[Tensor, ...]:
        """sketch: [B, 3, H, W] in [-1, 1], lines +1 on -1; all -1 = no sketch.

        Returns the hints for U-Net input blocks 0, 3, 6, 9, 11: [B, C0, h, w], [B, C0, h/2, w/2],
        [B, 2 C0, h/4, w/4], [B, 4 C0, h/8, w/8] twice (at the default multipliers; h = H/8, halves rounded up).
        """
        hidden: Tensor = self.model(sketch)
        hints = [self.zero_layer(hidden)]
        for stage, project in zip(self.output_blocks, self.zero_blocks):
            hidden = stage(hidden)
            hints.append(project(hidden))
        return tuple(hints)

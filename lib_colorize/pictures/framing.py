"""A sketch on a host's canvas: laid there just as the host lays its own picture, so that lines and colours meet."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import torch
from torch import Tensor

from .canvas import Resize, letterbox, resize_lines

Box = tuple[int, int, int, int]  # left, top, right, bottom


class Fit(enum.IntEnum):
    """The resize modes of img2img, by the host's own numbers."""

    STRETCH = 0
    CROP = 1
    FILL = 2
    LATENT = 3  # as STRETCH, but that the latent is resized


@dataclass(frozen=True)
class Frame:
    """Where on the canvas a sketch lies.

    width, height: the canvas in pixels. region: the part of a picture of size `of` that the canvas shows (inpainting of
    the masked part only). cut: a part of the canvas that alone is wanted (hires fix to another shape).
    """

    width: int
    height: int
    fit: Fit = Fit.STRETCH
    region: Box | None = None
    of: tuple[int, int] | None = None
    cut: Box | None = None

    def place(self, lines: Tensor, resize: Resize = resize_lines) -> Tensor:
        """lines: [1, 3, h, w], +1 on -1, of the sketch's own shape -> the same on the canvas, [1, 3, H, W]."""
        if self.region is not None and self.of is not None:
            canvas = resize(_crop(lines, self._scaled_region(lines)), self.height, self.width)
        elif self.fit is Fit.FILL:
            canvas, _ = letterbox(lines, self.height, self.width, resize)
        elif self.fit is Fit.CROP:
            canvas = _cover(lines, self.height, self.width, resize)
        else:
            canvas = resize(lines, self.height, self.width)
        return canvas if self.cut is None else _crop(canvas, self.cut)

    def shown(self, sketch: tuple[int, int]) -> tuple[int, int]:
        """(width, height) in pixels that the whole of a sketch of (width, height) has at the scale of the canvas."""
        across, down = self.width / sketch[0], self.height / sketch[1]
        if self.region is not None and self.of is not None:
            left, top, right, bottom = self.region
            across, down = across * self.of[0] / max(1, right - left), down * self.of[1] / max(1, bottom - top)
        elif self.fit in (Fit.FILL, Fit.CROP):
            across = down = (min if self.fit is Fit.FILL else max)(across, down)
        return max(1, round(sketch[0] * across)), max(1, round(sketch[1] * down))

    def _scaled_region(self, lines: Tensor) -> Box:
        """`region` in the sketch's own pixels; the sketch covers the picture of size `of`."""
        assert self.region is not None and self.of is not None
        x, y = lines.shape[-1] / self.of[0], lines.shape[-2] / self.of[1]
        left, top, right, bottom = self.region
        left, top = round(left * x), round(top * y)
        return left, top, max(left + 1, round(right * x)), max(top + 1, round(bottom * y))


def _cover(lines: Tensor, height: int, width: int, resize: Resize) -> Tensor:
    """Resized to cover the canvas, and what hangs over cut off evenly."""
    h, w = lines.shape[-2:]
    r = max(height / h, width / w)
    lines = resize(lines, max(height, round(h * r)), max(width, round(w * r)))
    top, left = (lines.shape[-2] - height) // 2, (lines.shape[-1] - width) // 2
    return lines[..., top:top + height, left:left + width]


def _crop(lines: Tensor, box: Box) -> Tensor:
    """The part within the box; paper where that lies outside."""
    left, top, right, bottom = box
    h, w = lines.shape[-2:]
    canvas = torch.full((*lines.shape[:-2], bottom - top, right - left), -1.0, dtype=lines.dtype)
    inner = lines[..., max(top, 0):max(min(bottom, h), 0), max(left, 0):max(min(right, w), 0)]
    y, x = max(-top, 0), max(-left, 0)
    canvas[..., y:y + inner.shape[-2], x:x + inner.shape[-1]] = inner
    return canvas

"""Where a drawing lies on the canvas that the model colours: its sizes, laying it there, cutting the result out."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from ..errors import ColorizeError
from ..method.settings import MAX_SIZE, Settings
from .picture_files import MIN_SIDE

Resize = Callable[[Tensor, int, int], Tensor]  # [B, C, h, w], height, width -> [B, C, height, width]


@dataclass(frozen=True)
class Placement:
    """Where the wanted picture lies on its canvas, in pixels."""

    left: int
    top: int
    width: int
    height: int
    canvas_width: int
    canvas_height: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom."""
        return self.left, self.top, self.left + self.width, self.top + self.height


@dataclass(frozen=True)
class SketchLayout:
    """How a sketch is laid on its canvas, so that a mask of its shape is laid there just so.

    size: (width, height) in pixels of the drawing within its canvas; box: the wanted picture that it is letterboxed
    into first, None = the drawing itself is what is wanted; canvas: of all that the model colours.
    """

    size: tuple[int, int]
    box: tuple[int, int] | None
    canvas: tuple[int, int]

    def place(self, picture: Tensor, resize: Resize | None = None) -> Tensor:
        """picture: [B, C, h, w], of the sketch's shape, paper -1 -> [B, C, H, W] of the canvas.

        resize: None = `resize_lines`.
        """
        if self.box is None:
            picture = (resize or resize_lines)(picture, self.size[1], self.size[0])
        else:
            picture, _ = letterbox(picture, self.box[1], self.box[0], resize)
        return on_paper(picture, self.canvas[1], self.canvas[0])[0]

    @property
    def placement(self) -> Placement:
        """Where the wanted picture lies on the canvas."""
        (w, h), (canvas_w, canvas_h) = self.box or self.size, self.canvas
        return Placement((canvas_w - w) // 2, (canvas_h - h) // 2, w, h, canvas_w, canvas_h)


def sketch_layout(
    drawing: tuple[int, int], settings: Settings, resolution: int, multiple: int, square: bool = False,
) -> SketchLayout:
    """drawing: (width, height) of the sketch as it came; see `images.sketch_tensor`."""
    size, canvas = canvas_sizes(drawing, settings, resolution, multiple, square)
    return SketchLayout(size, (settings.width, settings.height) if settings.width else None, canvas)


def canvas_sizes(
    drawing: tuple[int, int], settings: Settings, resolution: int, multiple: int, square: bool = False,
) -> tuple[tuple[int, int], tuple[int, int]]:
    """(width, height) of the drawing within its canvas, and of the canvas; see `images.sketch_tensor`."""
    w, h = drawing

    def fitted(box: tuple[int, int]) -> tuple[int, int]:
        r = min(box[0] / w, box[1] / h)
        return round(w * r), round(h * r)

    if settings.width:
        size = fitted((settings.width, settings.height))
        canvas = (_round_up(settings.width, multiple), _round_up(settings.height, multiple))
    elif square:
        side = max(1, round(min(resolution, MAX_SIZE) / multiple)) * multiple
        size, canvas = fitted((side, side)), (side, side)
    else:
        scale = min(resolution / math.sqrt(w * h), MAX_SIZE / max(w, h))
        steps = [[max(1, f(side * scale / multiple)) for f in (math.floor, math.ceil)] for side in (w, h)]
        most = max(1, MAX_SIZE // multiple)
        boxes = [(min(a, most) * multiple, min(b, most) * multiple) for a, b in itertools.product(*steps)]
        wanted = w * h * scale**2
        canvas = min(boxes, key=lambda box: abs(math.log(max(1, math.prod(fitted(box))) / wanted)))
        size = fitted(canvas)
    if min(size) < MIN_SIDE:
        raise ColorizeError(
            f"the sketch of {w}x{h} pixels would become {size[0]}x{size[1]}, expected at least {MIN_SIDE} a side; "
            "crop it, or ask for a larger size")
    return size, canvas


def _round_up(side: int, multiple: int) -> int:
    return -(-side // multiple) * multiple


def letterbox(
    sketch: Tensor, height: int, width: int, resize: Resize | None = None,
) -> tuple[Tensor, Placement]:
    """sketch: [B, 3, h, w], lines +1 on -1 -> the same resized to fit, centred on [B, 3, height, width] of -1.

    Golden pre.sketch.*: r = min(H / h, W / w), antialiased bicubic to (int(h r), int(w r)), nothing clamped.
    """
    place = letterbox_placement((sketch.shape[-1], sketch.shape[-2]), width, height)
    return on_paper((resize or resize_lines)(sketch, place.height, place.width), height, width)


def letterbox_placement(drawing: tuple[int, int], width: int, height: int) -> Placement:
    """Where `letterbox` lays a drawing of (width, height)."""
    r = min(height / drawing[1], width / drawing[0])
    w, h = max(1, int(drawing[0] * r)), max(1, int(drawing[1] * r))
    return Placement((width - w) // 2, (height - h) // 2, w, h, width, height)


def resize_lines(sketch: Tensor, height: int, width: int) -> Tensor:
    """sketch: [B, 3, h, w] -> [B, 3, height, width], antialiased bicubic, not clamped."""
    if sketch.shape[-2:] == (height, width):
        return sketch
    return F.interpolate(sketch, (height, width), mode="bicubic", antialias=True)


def on_paper(sketch: Tensor, height: int, width: int) -> tuple[Tensor, Placement]:
    """sketch: [B, 3, h, w] in the middle of [B, 3, height, width] of -1."""
    h, w = sketch.shape[-2:]
    top, left = (height - h) // 2, (width - w) // 2
    canvas = sketch.new_full((*sketch.shape[:-2], height, width), -1.0)
    canvas[..., top : top + h, left : left + w] = sketch
    return canvas, Placement(left, top, w, h, width, height)


def crop_back(image: Image.Image, placement: Placement) -> Image.Image:
    """The wanted picture out of the canvas; `image` has the canvas' size."""
    if image.size != (placement.canvas_width, placement.canvas_height):
        raise ColorizeError(
            f"result of {image.width}x{image.height} pixels, expected the canvas of "
            f"{placement.canvas_width}x{placement.canvas_height}")
    return image.crop(placement.box)

"""Pictures to tensors and back: a sketch on its canvas, a reference, a result."""

from __future__ import annotations

import torch
from PIL import Image
from torch import Tensor

from ..errors import ColorizeError
from ..method.reading_settings import LineStrength
from ..method.settings import Settings
from .canvas import Placement, Resize, resize_lines, sketch_layout
from .eight_bits import to_8bit
from .flattening import WHITE, as_unit, over_paper
from .ink import shrunk_lines
from .lineart import extractor
from .picture_files import check_size
from .reading import read_sketch, shrunk


def sketch_tensor(
    image: Image.Image, settings: Settings, resolution: int, multiple: int, square: bool = False,
) -> tuple[Tensor, Placement]:
    """A sketch as the sketch encoder wants it: [1, 3, H, W], lines +1 on -1, and where to crop the result.

    H and W are multiples of `multiple`. Values lie in [-1, 1] but for the overshoot of bicubic resizing, which the
    released models know. The drawing keeps its aspect ratio and is never cropped; paper (-1) lies around it.
    - settings.width x height given: the drawing is letterboxed into exactly that size (golden pre.sketch.*), and the
      placement is that size, so the result has it too, with coloured paper where the aspect ratios differ.
    - otherwise: the drawing's aspect ratio at an area of about resolution**2, no side above MAX_SIZE; the placement
      is the drawing itself. square: the canvas is a square of that area, for models that were shown no other.
    ColorizeError for a sketch without lines, an unknown extractor, and one so long that less than MIN_SIDE pixels of
    its short side would be left.
    """
    extractor(settings.extractor)  # a wrong name is told before any work
    check_size(image.size, "the sketch")
    layout = sketch_layout(image.size, settings, resolution, multiple, square)
    lines = line_drawing(image, settings, layout.size)
    return layout.place(lines, resizing(settings)), layout.placement


def line_drawing(image: Image.Image, settings: Settings, shown: tuple[int, int] | None = None) -> Tensor:
    """The lines of a sketch, [1, 3, h, w], lines +1 on -1, of its shape; ColorizeError when there are none.

    shown: (width, height) that the sketch will have on the model's canvas: h and w are at least those, where the
    sketch has them. None = for a person to look at: h and w are its own (a whole fraction of them above WORK_SIDE).
    With the lines as drawn they are always its own.
    """
    return read_sketch(image, settings, shown).lines


def resizing(settings: Settings) -> Resize:
    """How lines are made smaller."""
    return shrunk_lines if settings.line_strength is LineStrength.AUTO else resize_lines


def reference_tensor(image: Image.Image) -> Tensor:
    """A reference as the reference encoder wants it: [1, 3, h, w] in [-1, 1], transparency over white.

    h and w are the picture's own (the encoder resizes), a whole fraction of them above WORK_SIDE.
    """
    image = shrunk(to_8bit(image))
    return (as_unit(over_paper(image, WHITE)) * 2 - 1)[None]


class NotNumbers(ColorizeError):
    """A result that holds NaN or infinity."""


def to_image(x: Tensor) -> Image.Image:
    """x: [3, H, W] in [-1, 1], any float type -> RGB; clipped and rounded (the authors truncate, quirk 20).

    NotNumbers for NaN or infinity, which would come out as black.
    """
    if not bool(torch.isfinite(x).all()):
        raise NotNumbers("the result holds values that are not numbers; use float32, or a lower guidance")
    u8 = ((x.detach().float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)  # on its device: bytes are moved
    return Image.fromarray(u8.permute(1, 2, 0).contiguous().cpu().numpy())

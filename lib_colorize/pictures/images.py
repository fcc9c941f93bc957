"""Pictures to tensors and back: a sketch on its canvas, a reference, a result."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..errors import ColorizeError
from ..method.settings import MAX_SIZE, Polarity, Settings
from .canvas import Placement, sketch_layout
from .eight_bits import to_8bit
from .lineart import MIN_CONTRAST, dark_lines, extract, extractor, polarity_score, telling_channel
from .picture_files import check_size

WORK_SIDE = 2 * MAX_SIZE  # larger pictures are averaged down by a whole factor first: memory, not looks


def sketch_tensor(
    image: Image.Image, settings: Settings, resolution: int, multiple: int
) -> tuple[Tensor, Placement]:
    """A sketch as the sketch encoder wants it: [1, 3, H, W], lines +1 on -1, and where to crop the result.

    H and W are multiples of `multiple`. Values lie in [-1, 1] but for the overshoot of bicubic resizing, which the
    released models know. The drawing keeps its aspect ratio and is never cropped; paper (-1) lies around it.
    - settings.width x height given: the drawing is letterboxed into exactly that size (golden pre.sketch.*), and the
      placement is that size, so the result has it too, with coloured paper where the aspect ratios differ.
    - otherwise: the drawing's aspect ratio at an area of about resolution**2, no side above MAX_SIZE; the placement
      is the drawing itself.
    ColorizeError for a sketch without lines, an unknown extractor, and one so long that less than MIN_SIDE pixels of
    its short side would be left.
    """
    extractor(settings.extractor)  # a wrong name is told before any work
    check_size(image.size, "the sketch")
    layout = sketch_layout(image.size, settings, resolution, multiple)
    return layout.place(line_drawing(image, settings)), layout.placement


def line_drawing(image: Image.Image, settings: Settings) -> Tensor:
    """The lines of a sketch at its own size (a whole fraction of it above WORK_SIDE): [1, 3, h, w], lines +1 on -1.

    ColorizeError when there are none.
    """
    picture = _unit(_flat(shrunk(to_8bit(image)), settings.polarity))
    if float((picture.amax((1, 2)) - picture.amin((1, 2))).max()) < MIN_CONTRAST:
        raise ColorizeError("the sketch has no lines: it is of one colour all over; choose another file")
    return extract(dark_lines(picture, settings.polarity), settings.extractor)[None]


def shrunk(image: Image.Image) -> Image.Image:
    """A picture at the size that is worked with: averaged down by a whole factor above WORK_SIDE."""
    factor = -(-max(image.size) // WORK_SIDE)
    return image.reduce((min(factor, image.width), min(factor, image.height))) if factor > 1 else image


def _flat(image: Image.Image, polarity: Polarity) -> Image.Image:
    """RGB; transparent pixels become paper: white under dark lines, black under light ones.

    Which one AUTO tells from the picture over both: the right one shows a drawing, the other hides its lines.
    """
    if image.mode != "RGBA":
        return image
    white, black = _over(image, 255), _over(image, 0)
    if polarity is not Polarity.AUTO:
        return white if polarity is Polarity.DARK_ON_LIGHT else black
    sure = [abs(polarity_score(telling_channel(_unit(over)))) for over in (white, black)]
    return white if sure[0] >= sure[1] else black


def _over(image: Image.Image, grey: int) -> Image.Image:
    paper = Image.new("RGBA", image.size, (grey, grey, grey, 255))
    return Image.alpha_composite(paper, image).convert("RGB")


def _unit(image: Image.Image) -> Tensor:
    """RGB picture -> [3, h, w] in [0, 1]."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255


def reference_tensor(image: Image.Image) -> Tensor:
    """A reference as the reference encoder wants it: [1, 3, h, w] in [-1, 1], transparency over white.

    h and w are the picture's own (the encoder resizes), a whole fraction of them above WORK_SIDE.
    """
    image = shrunk(to_8bit(image))
    return (_unit(_over(image, 255) if image.mode == "RGBA" else image) * 2 - 1)[None]


def to_image(x: Tensor) -> Image.Image:
    """x: [3, H, W] in [-1, 1], any float type -> RGB; clipped and rounded (the authors truncate, quirk 20).

    ColorizeError for NaN or infinity, which would come out as black.
    """
    if not bool(torch.isfinite(x).all()):
        raise ColorizeError("the result holds values that are not numbers; use float32, or a lower guidance")
    u8 = ((x.detach().float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)  # on its device: bytes are moved
    return Image.fromarray(u8.permute(1, 2, 0).contiguous().cpu().numpy())

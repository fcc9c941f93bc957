"""The masks of one job, of sketch and reference, as its networks and its result want them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from ..method.settings import Settings
from .canvas import SketchLayout
from .extras import Extras
from .mask_canvas import lay_mask, mask_tensor
from .masks import FoundMask, MaskSource, mask_picture, reference_mask, said, sketch_mask

MARGIN = 11  # pixels; the authors' maximum over so many keeps a figure's rim out of what is behind it (section 7)


@dataclass(frozen=True)
class FigureMasks:
    """sketch: [1, 1, H, W] on the canvas; reference: [1, 1, h, w] in the frame of `images.reference_tensor`, None =
    there is no reference. In [0, 1], 1 = figure. told: a sentence for each, where it came from.
    """

    sketch: Tensor
    reference: Tensor | None
    told: tuple[str, ...]


def reference_mask_tensor(found: FoundMask) -> Tensor:
    """[1, 1, h, w] in the frame of `images.reference_tensor`; one that nobody drew is grown by MARGIN."""
    mask = mask_tensor(found.image)
    if found.source is MaskSource.GIVEN:
        return mask
    return F.max_pool2d(mask, MARGIN, 1, MARGIN // 2)


def result_mask(found: FoundMask, layout: SketchLayout) -> Image.Image:
    """The mask of a sketch in the frame of its result: the sketch's own, or letterboxed into the wanted size."""
    if layout.box is None:
        return found.image
    laid = lay_mask(found.image, layout.place)[0, 0]
    p = layout.placement
    return mask_picture(laid[p.top:p.top + p.height, p.left:p.left + p.width], (p.width, p.height))


def figure_masks(
    sketch: Image.Image, reference: Image.Image | None, settings: Settings, extras: Extras,
    place: Callable[[Tensor], Tensor], drawn: FoundMask | None = None,
) -> FigureMasks:
    """Both masks of a job; place: what lays the sketch on its canvas (`mask_canvas.lay_mask`).

    drawn: that of the sketch, where it was found before.
    """
    drawn = drawn or sketch_mask(sketch, extras.sketch_mask, settings)
    told = [said(drawn, "sketch")]
    behind = None
    if reference is not None:
        found = reference_mask(reference, extras.reference_mask)
        behind = reference_mask_tensor(found)
        told.append(said(found, "reference"))
    return FigureMasks(lay_mask(drawn.image, place), behind, tuple(told))

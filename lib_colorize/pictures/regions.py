"""Where in the sketch each of several references acts: pictures in the sketch's own frame, laid on the canvas."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from torch import Tensor

from ..errors import ColorizeError
from .extras import FurtherReference
from .mask_canvas import lay_mask, over_black

LEAST = 16  # of 255: a region with nothing above is nowhere


def lay_regions(
    references: Sequence[FurtherReference], place: Callable[[Tensor], Tensor],
) -> list[Tensor | None]:
    """Of each [1, 1, H, W] in [0, 1] on the canvas; place: as for `mask_canvas.lay_mask`."""
    return [None if reference.region is None else lay_mask(over_black(reference.region), place)
            for reference in references]


def check_regions(references: Sequence[FurtherReference], sketch: tuple[int, int]) -> None:
    """ColorizeError for a region that does not lie within a sketch of this size (width, height)."""
    for reference in references:
        region = reference.region
        if region is None:
            continue
        if region.size != sketch:
            raise ColorizeError(
                f"the region of {reference.name} has {region.width}x{region.height} pixels, expected the sketch's own "
                f"{sketch[0]}x{sketch[1]}; paint it over the sketch")
        if int(np.asarray(over_black(region)).max()) <= LEAST:
            raise ColorizeError(f"the region of {reference.name} is black all over, so it lies outside the picture; "
                                "paint it white where that reference is to act, or leave it out")

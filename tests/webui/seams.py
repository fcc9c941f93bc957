"""How much a picture that was painted in tiles steps where tiles meet."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image


class Seam(NamedTuple):
    """Mean absolute steps of what was painted upon the base, of 255: over the borders, and as far apart elsewhere."""

    across: float
    beside: float


def seam(picture: Image.Image, base: Image.Image, borders: Sequence[int], width: int) -> Seam:
    """borders: where the strips begin, in columns and rows alike, in which neighbours blend; width: of each, pixels.

    The base is taken away first, so that a line that happens to lie there does not count.
    """
    painted, before = (np.asarray(image.convert("RGB").resize(picture.size)).astype(float) for image in (picture, base))
    found = []
    for change in (painted - before, (painted - before).transpose(1, 0, 2)):
        steps = np.abs(change[:, width + 1:] - change[:, :-width - 1]).mean((0, 2))  # from x to x + width + 1
        clear = [step for x, step in enumerate(steps) if all(x + width + 1 < b or x >= b + width for b in borders)]
        found.append((steps[[b - 1 for b in borders]].mean(), np.mean(clear)))
    return Seam(*np.mean(found, axis=0).tolist())

"""The benchmark on one picture, to look at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from training.evidence.questions import Question
from training.small.colour import rgb_of
from training.small.figures import Dressed, number_of


def sheet(asked: Sequence[tuple[Question, Dressed, Dressed]], rows: int = 24) -> Image.Image:
    """To look at: sketch, its regions in the expected colours (grey: none is expected), and the reference."""
    chosen = asked[::max(1, len(asked) // rows) | 1]  # odd: plain and busy ones
    side = chosen[0][1].color.width
    columns = 4
    picture = Image.new("RGB", (columns * 3 * side, -(-len(chosen) // columns) * side), "white")
    for i, (pair, sketch, reference) in enumerate(chosen):
        shown = np.full((side, side, 3), 255, np.uint8)
        for label, colour in zip(pair.labels, pair.expected):
            shown[sketch.labels == number_of(label, sketch.names)] = rgb_of(colour or "#c0c0c0")
        x, y = i % columns * 3 * side, i // columns * side
        for j, cell in enumerate((sketch.sketch, Image.fromarray(shown), reference.color)):
            picture.paste(cell.convert("RGB"), (x + j * side, y))
    return picture

"""The benchmark on one picture, to look at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from lib_colorize.engine.contact_sheet import contact_sheet
from training.evidence.ask import Asked
from training.small.colour import rgb_of
from training.small.figures import number_of

TRIOS = 4  # in a row


def benchmark_sheet(asked: Sequence[Asked], rows: int = 24) -> Image.Image:
    """To look at: sketch, its regions in the expected colours (grey: none is expected), and the reference."""
    chosen = asked[::max(1, len(asked) // rows) | 1]  # odd: plain and busy ones
    side = chosen[0].sketch.color.width
    trios = []
    for question, sketch, reference, _ in chosen:
        shown = np.full((side, side, 3), 255, np.uint8)
        for label, colour in zip(question.labels, question.expected):
            shown[sketch.labels == number_of(label, sketch.names)] = rgb_of(colour or "#c0c0c0")
        trios.append((sketch.sketch, Image.fromarray(shown), reference.color))
    lines = [[cell for trio in trios[i:i + TRIOS] for cell in trio] for i in range(0, len(trios), TRIOS)]
    return contact_sheet(lines, side=side, gap=0)

"""Presets by intention: which settings "stick to the sketch", "balanced" and "strong style" stand for.

A preset sets every field of PRESET_FIELDS, so that pressing one always leads to the same place; pictures, lines and
overlay stay as they are. Why these values:

- Balanced is the default: guidance 5, at which the paper's FID is best (5.53, Karras).
- Stick to the sketch. Shapes of the reference come in through the blocks of low resolution ("semantics"); the palette
  comes in through those of middle resolution ("colour"). So semantics is turned down and colour is not. A guidance of 3
  (the paper's other value) repeats the reference less literally. The last fifth of the run draws detail, and there
  the sketch is left alone with it, which also saves the second branch. Sketch guidance would help too, but costs a
  third branch at every step, so it is left to the user.
- Strong style. Attention a little above what it was trained at and hints a little below, so that the reference may
  reshape what the lines leave open; of guidance only one step more, for beyond the paper's range colours burn out.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ..method.settings import Settings

PRESET_FIELDS = (
    "reference_guidance", "sketch_guidance", "reference_strength", "sketch_strength", "semantics_strength",
    "colour_strength", "encoder_strength", "block_strengths", "guidance_start", "guidance_end", "no_guidance_start",
    "no_guidance_end",
)


class Intention(enum.Enum):
    """What the user is after; the value names it in the table of texts."""

    SKETCH = "preset_sketch"
    BALANCED = "preset_balanced"
    STYLE = "preset_style"


CHANGES: Mapping[Intention, Mapping[str, Any]] = MappingProxyType({  # from the defaults
    Intention.SKETCH: {"reference_guidance": 3.0, "semantics_strength": 0.6, "guidance_end": 0.8},
    Intention.BALANCED: {},
    Intention.STYLE: {"reference_guidance": 6.0, "reference_strength": 1.2, "sketch_strength": 0.9},
})


def preset(intention: Intention) -> dict[str, Any]:
    """The value of every field of PRESET_FIELDS."""
    settings = Settings().with_(**CHANGES[intention])
    return {name: getattr(settings, name) for name in PRESET_FIELDS}

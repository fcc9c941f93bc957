"""The pictures of a job beside its sketch and its reference: masks, a background, further references."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

MAX_REFERENCES = 4


@dataclass(frozen=True)
class FurtherReference:
    """One of several references. weight: of its tokens against the others'; region: where it acts, None = everywhere.

    The region is a mask in the sketch's own frame (white = here), of the sketch's shape.
    """

    image: Image.Image
    weight: float = 1.0
    region: Image.Image | None = None


@dataclass(frozen=True)
class Extras:
    """None = not given. Masks are grey pictures, white = figure, of the shape of what they belong to.

    sketch_mask: in the sketch's frame; reference_mask: in the reference's. background: what is to be behind.
    reference_weight, reference_region: of the first reference, as in FurtherReference; further: the second to fourth.
    """

    sketch_mask: Image.Image | None = None
    reference_mask: Image.Image | None = None
    background: Image.Image | None = None
    reference_weight: float = 1.0
    reference_region: Image.Image | None = None
    further: tuple[FurtherReference, ...] = ()


NO_EXTRAS = Extras()

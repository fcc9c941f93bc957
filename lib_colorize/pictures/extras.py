"""The pictures of a job beside its sketch and its reference: masks, a background, further references, hints."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from PIL import Image

from ..errors import ColorizeError, shortened

Palette = tuple[tuple[int, int, int], ...]  # red, green, blue, each 0 to 255

MAX_REFERENCES = 4
MAX_WEIGHT = 100.0  # against others; log 100 is what softmax can still tell


@dataclass(frozen=True)
class FurtherReference:
    """One of several references. weight: of its tokens against the others', 0 = it does not act; region: where it acts.

    The region is a mask in the sketch's own frame (white = here), of the sketch's size. None = wherever no other one's
    region is, and everywhere when there are none. place: among the references, from 1.
    """

    image: Image.Image
    weight: float = 1.0
    region: Image.Image | None = None
    place: int = 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", checked_weight(self.weight, self.name))

    @property
    def name(self) -> str:
        """For messages."""
        return f"reference {self.place}"


@dataclass(frozen=True)
class LastFrame:
    """The frame before, whose colours are carried along. coloured: a picture of `sketch`, of any size.

    follow: 0 = not at all, 1 = as far as can be: the share of the steps that is left out.
    """

    sketch: Image.Image
    coloured: Image.Image
    follow: float

    def __post_init__(self) -> None:
        if not 0 <= self.follow <= 1:
            raise ColorizeError(f"follow: found {self.follow:g}, expected 0 to 1")


@dataclass(frozen=True)
class Extras:
    """None = not given. Masks are grey pictures, white = figure, of the shape of what they belong to.

    sketch_mask: in the sketch's frame; reference_mask: in the reference's. background: what is to be behind.
    reference_weight, reference_region: of the first reference, as in FurtherReference; further: the second to fourth.
    hints: strokes of colour over the sketch, of its size; palette: the sRGB colours that areas are drawn to, () = none.
    last: the frame before; begun: what is made of it, over the sketch that is looked at, for sampling to begin from.
    """

    sketch_mask: Image.Image | None = None
    reference_mask: Image.Image | None = None
    background: Image.Image | None = None
    reference_weight: float = 1.0
    reference_region: Image.Image | None = None
    further: tuple[FurtherReference, ...] = ()
    hints: Image.Image | None = None
    palette: Palette = ()
    last: LastFrame | None = None
    begun: Image.Image | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "reference_weight", checked_weight(self.reference_weight, "reference 1"))
        if len(self.further) >= MAX_REFERENCES:
            raise ColorizeError(f"{len(self.further) + 1} references, expected at most {MAX_REFERENCES}; "
                                "leave some out")

    def references(self, first: Image.Image | None) -> tuple[FurtherReference, ...]:
        """All that act, in order. first: the reference itself."""
        found = [] if first is None else [FurtherReference(first, self.reference_weight, self.reference_region, 1)]
        found += [replace(reference, place=2 + i) for i, reference in enumerate(self.further)]
        return tuple(reference for reference in found if reference.weight > 0)


def checked_weight(value: object, name: str) -> float:
    """The weight as a number; ColorizeError for what is none."""
    number = math.nan
    if isinstance(value, (int, float, str)) and not isinstance(value, bool):
        with contextlib.suppress(ValueError, OverflowError):
            number = float(value)
    if not 0 <= number <= MAX_WEIGHT:
        raise ColorizeError(f"the weight of {name}: found {shortened(value)}, "
                            f"expected a number from 0 to {MAX_WEIGHT:g}")
    return number


NO_EXTRAS = Extras()
FURTHER = tuple(f"reference_{i + 1}" for i in range(1, MAX_REFERENCES))  # the names of further references
PICTURES = ("sketch_mask", "reference_mask", "background", "reference_region",
            *(name for each in FURTHER for name in (each, f"{each}_region")), "hints")


LAST = ("last_sketch", "last_coloured")  # names of a LastFrame's pictures; the second's weight is `follow`


def extras_of(
    images: Mapping[str, Image.Image], weights: Mapping[str, float], palette: Palette = (),
) -> Extras:
    """images: by names of PICTURES; weights: by "reference" and names of FURTHER, 1 where none is given.

    ColorizeError for a region without its reference.
    """
    alone = [name for name in FURTHER if f"{name}_region" in images and name not in images]
    if alone:
        raise ColorizeError(f"{alone[0]}_region: a region without its reference; give {alone[0]} too, or leave it out")
    further = tuple(FurtherReference(images[name], weights.get(name, 1.0), images.get(f"{name}_region"))
                    for name in FURTHER if name in images)
    return Extras(images.get("sketch_mask"), images.get("reference_mask"), images.get("background"),
                  weights.get("reference", 1.0), images.get("reference_region"), further,
                  images.get("hints"), palette, last_frame(images, weights))


def last_frame(images: Mapping[str, Image.Image], weights: Mapping[str, float]) -> LastFrame | None:
    """Of the pictures LAST; ColorizeError for one without the other."""
    found = [images[name] for name in LAST if name in images]
    if len(found) == 1:
        raise ColorizeError(f"found {' '.join(name for name in LAST if name in images)} alone: a last frame is its "
                            "sketch and its picture; give both, or neither")
    return LastFrame(found[0], found[1], weights.get(LAST[1], 1.0)) if found else None


def pictures_of(extras: Extras) -> dict[str, Image.Image]:
    """The pictures by their names, those that are given."""
    found = {"sketch_mask": extras.sketch_mask, "reference_mask": extras.reference_mask,
             "background": extras.background, "reference_region": extras.reference_region}
    for name, reference in zip(FURTHER, extras.further):
        found |= {name: reference.image, f"{name}_region": reference.region}
    return {name: image for name, image in (*found.items(), ("hints", extras.hints)) if image is not None}

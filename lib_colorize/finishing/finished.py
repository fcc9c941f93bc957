"""A finished picture at its drawing's own size, lines and colours apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from PIL import Image

from .cut_out import snapped
from .flats import median_colours
from .ink import Ink, as_painted_or_more, laid_over
from .layers import NAMES, Layer, laid_together, take_apart


@dataclass(frozen=True)
class Finished:
    """colours: [H, W, 3] uint8, without lines; ink: the lines over them; labels: [H, W] int32, areas 1..count.

    opaque: [H, W] bool, where the colours are; None = everywhere. Lines have their own opacity.
    """

    colours: np.ndarray
    ink: Ink
    labels: np.ndarray
    opaque: np.ndarray | None = None

    @cached_property
    def usual(self) -> np.ndarray:
        """[count + 1, 3] uint8: the median colour of each area."""
        return median_colours(self.colours, self.labels)

    def picture(self) -> Image.Image:
        """RGB, the lines over the colours; RGBA where it is transparent."""
        if self.opaque is None:
            return Image.fromarray(laid_over(self.ink, self.colours))
        bottom = np.dstack([self.colours, np.where(self.opaque, 255, 0).astype(np.uint8)])
        lines = np.dstack([self.ink.colour, self.ink.alpha])
        return Image.fromarray(laid_together([Layer("colour", bottom), Layer("lines", lines)]))

    def layers(self, names: Sequence[str] = NAMES) -> list[Layer]:
        """From the bottom up; names: in place of NAMES."""
        return take_apart(self.colours, self.labels, self.ink, names, self.opaque)

    def with_colours(self, colours: np.ndarray) -> Finished:
        """The same lines over other colours [H, W, 3]."""
        return replace(self, colours=colours)

    def with_ink(self, ink: Ink) -> Finished:
        """Other lines over the same colours."""
        return replace(self, ink=ink)

    def faded(self, strength: float, painted: Image.Image) -> Ink:
        """The lines at that part of their opacity, nowhere fainter than in the painted picture (of any size)."""
        height, width = self.labels.shape
        grey = np.asarray(painted.convert("L").resize((width, height), Image.Resampling.BICUBIC))
        return as_painted_or_more(self.ink, strength, grey, self.colours)

    def cut_out(self, mask: Image.Image) -> Finished:
        """mask: grey, white = opaque, of any size; see `cut_out.snapped`."""
        opaque, ink = snapped(mask, self.labels, self.ink)
        return replace(self, opaque=opaque, ink=ink)

    def on_colour(self, colour: tuple[int, int, int]) -> Finished:
        """The same with a plain colour where it is transparent."""
        if self.opaque is None:
            return self
        colours = np.where(self.opaque[..., None], self.colours, np.array(colour, np.uint8))
        return Finished(colours, self.ink, self.labels)

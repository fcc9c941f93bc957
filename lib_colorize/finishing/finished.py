"""A finished picture at its drawing's own size, lines and colours apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from PIL import Image, ImageChops

from .ink import Ink, laid_over
from .layers import NAMES, Layer, median_colours, take_apart


@dataclass(frozen=True)
class Finished:
    """colours: [H, W, 3] uint8, without lines; ink: the lines over them; labels: [H, W] int32, areas 1..count.

    alpha: [H, W] uint8, how opaque the picture is, lines too; None = everywhere.
    """

    colours: np.ndarray
    ink: Ink
    labels: np.ndarray
    alpha: np.ndarray | None = None

    @cached_property
    def usual(self) -> np.ndarray:
        """[count + 1, 3] uint8: the median colour of each area."""
        return median_colours(self.colours, self.labels)

    def picture(self) -> Image.Image:
        """RGB, the lines over the colours; RGBA where it is transparent."""
        pixels = laid_over(self.ink, self.colours)
        return Image.fromarray(pixels if self.alpha is None else np.dstack([pixels, self.alpha]))

    def layers(self, names: Sequence[str] = NAMES) -> list[Layer]:
        """From the bottom up; names: in place of NAMES."""
        return take_apart(self.colours, self.labels, self.ink, names)

    def with_colours(self, colours: np.ndarray) -> Finished:
        """The same lines over other colours [H, W, 3]."""
        return replace(self, colours=colours)

    def with_lines(self, strength: float) -> Finished:
        """The lines as opaque as that part of what they are."""
        return replace(self, ink=Ink(np.rint(self.ink.alpha * strength).astype(np.uint8), self.ink.colour))

    def cut_out(self, mask: Image.Image) -> Finished:
        """mask: grey, white = opaque, of any size."""
        size = (self.labels.shape[1], self.labels.shape[0])
        return replace(self, alpha=np.asarray(mask.resize(size, Image.Resampling.BICUBIC)))

    def on_colour(self, colour: tuple[int, int, int]) -> Finished:
        """What is transparent over a plain colour."""
        if self.alpha is None:
            return self
        colours = Image.composite(Image.fromarray(self.colours), Image.new("RGB", self.alpha.shape[::-1], colour),
                                  Image.fromarray(self.alpha))
        ink = np.asarray(ImageChops.multiply(Image.fromarray(self.ink.alpha), Image.fromarray(self.alpha)))
        return Finished(np.asarray(colours), Ink(ink, self.ink.colour), self.labels)

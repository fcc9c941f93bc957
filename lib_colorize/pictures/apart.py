"""The pictures of a job that colours figure and background apart -> what its variant's networks are shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ..errors import ColorizeError
from ..method.masking import FigureMask, latent_mask, without_figure
from ..method.settings import Settings
from ..method.variants.showing import JobPictures, PictureNeeds, Seen
from .extras import Extras
from .images import reference_tensor
from .job_masks import figure_masks
from .masks import FoundMask

NOISE_SEED = 0  # of the draws from the VAE's posterior: the same pictures, the same latents, whatever is coloured


class Eyes(Protocol):
    """The encoders of a program, each read, used and dropped."""

    def tokens(self, picture: Tensor) -> Tensor:
        """[1, 3, h, w] in [-1, 1] -> local tokens [1, N, D]."""

    def latent(self, picture: Tensor, generator: torch.Generator) -> Tensor:
        """[1, 3, H, W] in [-1, 1] -> scaled draw from the posterior [1, C, h, w], its noise from the generator."""


@dataclass(frozen=True, eq=False)
class Apart:
    """What a job looks at beside sketch and reference, before any of the variant's networks has run.

    mask: of the sketch; reference_mask: [1, 1, h, w]; canvas: (H, W) in pixels of what is coloured.
    """

    settings: Settings
    needs: PictureNeeds
    canvas: tuple[int, int]
    reference: Image.Image | None
    background: Image.Image | None
    mask: FigureMask | None
    reference_mask: Tensor | None

    @classmethod
    def of(
        cls, variant: str, settings: Settings, sketch: Image.Image, reference: Image.Image | None, extras: Extras,
        place: Callable[[Tensor], Tensor], factor: int, drawn: FoundMask | None = None,
    ) -> Apart | None:
        """None where nothing is coloured apart. ColorizeError for a mask that does not fit, or marks nothing.

        place: lays a picture of the sketch's shape on its canvas; factor: pixels of a canvas per pixel of a latent.
        drawn: the mask of the sketch, where it was found before.
        """
        needs = PictureNeeds.of(variant, settings, extras.background is not None)
        if not needs.anything:
            return None
        mask, behind = None, None
        if needs.sketch_mask:
            found = figure_masks(sketch, reference if needs.masked_reference else None, settings, extras, place,
                                 drawn)
            mask = FigureMask(latent_mask(found.sketch, factor), settings.sketch_threshold)
            behind = found.reference
            require_both(mask.mask, settings.sketch_threshold)
        laid = place(torch.full((1, 1, sketch.height, sketch.width), -1.0))
        return cls(settings, needs, (laid.shape[2], laid.shape[3]), reference,
                   extras.background if needs.picture else None, mask, behind)

    def seen(self, eyes: Eyes, tokens: Tensor | None) -> JobPictures:
        """As the encoders see it. tokens: local ones of the reference [1, N, D], None = there is none.

        The order of draws is the reference, then what is behind (variants.md section 3).
        """
        generator = torch.Generator().manual_seed(NOISE_SEED)

        def look(picture: Tensor, own: Tensor | None, with_latent: bool) -> Seen:
            latent = None
            if with_latent:
                squashed = F.interpolate(picture, self.canvas, mode="bicubic", align_corners=False)
                latent = eyes.latent(squashed, generator)
            return Seen(eyes.tokens(picture) if own is None else own, (picture.shape[2], picture.shape[3]), latent)

        picture = None if self.reference is None else reference_tensor(self.reference)
        own = None if picture is None else look(picture, tokens, self.needs.reference_latent)
        other = None
        if self.background is not None:
            other = look(reference_tensor(self.background), None, self.needs.other_latent)
        elif self.needs.masked_reference and picture is not None and self.reference_mask is not None:
            emptied = without_figure(picture, self.reference_mask, self.settings.reference_threshold)
            other = look(emptied, None, self.needs.other_latent)
        return JobPictures(self.settings, own, other, self.needs.picture, self.mask, self.canvas)


def require_both(mask: Tensor, threshold: float) -> None:
    """ColorizeError when a mask leaves no figure, or nothing behind it, on the canvas."""
    figure = mask > threshold
    if bool(figure.all()) or not bool(figure.any()):
        found = "nothing behind the figure" if bool(figure.all()) else "no figure"
        raise ColorizeError(f"the mask of the sketch leaves {found} at a threshold of {threshold:g}; draw another mask "
                            "or change the threshold")

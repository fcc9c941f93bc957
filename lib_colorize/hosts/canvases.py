"""What the U-Net is shown on the canvases of one run besides lines: where references act, what is injected, masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from PIL import Image
from torch import Tensor

from ..errors import ColorizeError
from ..method.conditioning import Conditioning
from ..method.injected_picture import InjectedPicture
from ..method.schedule import sampled_alphas
from ..method.sketch_encoder import SketchEncoder
from ..method.token_bias import areas_of, bias_between
from ..method.variants.showing import with_variant
from ..method.variants.variant import Variant
from ..pictures.apart import Apart
from ..pictures.extras import Extras, FurtherReference
from ..pictures.framing import Frame
from ..pictures.masks import FoundMask
from ..pictures.regions import lay_regions
from ..pictures.squashed import squashed
from .checkpoints import ColorizeFile
from .host import Host
from .settings import JobSettings
from .sizes import PIXELS
from .variants import HostEyes, variant_name


@dataclass(frozen=True, eq=False)
class Materials:
    """A job's pictures as they are looked at. tokens: of each reference [1, N, D], on the CPU.

    on_pages: the references for each sketch of the job, their regions as they lie over it. drawn: the mask of the
    sketch, where it was found before.
    """

    host: Host
    file: ColorizeFile
    settings: JobSettings
    sketch: Image.Image
    references: tuple[FurtherReference, ...]
    tokens: tuple[Tensor, ...]
    extras: Extras
    on_pages: tuple[tuple[FurtherReference, ...], ...]
    drawn: FoundMask | None = None

    @property
    def first(self) -> FurtherReference | None:
        """The reference itself, of which masks and changes are; None when it does not act."""
        return next((found for found in self.references if found.place == 1), None)

    def shown(self, conditioning: Conditioning, frames: Sequence[Frame], encoder: SketchEncoder, variant: Variant,
              ) -> Conditioning:
        """The conditioning of lines and tokens with all that a job's options add. encoder: on the host's device."""
        laid = [lay_regions(self.on_pages[i % len(self.on_pages)], frame.place) for i, frame in enumerate(frames)]
        regions = [None if regions[0] is None else torch.cat([part for part in regions if part is not None])
                   for regions in zip(*laid)]
        bias = bias_between([tokens.shape[1] for tokens in self.tokens], [found.weight for found in self.references],
                            areas_of(regions, conditioning.latent_size))
        made = replace(conditioning, token_bias=bias)
        if self.settings.injection > 0 and self.references:
            made = replace(made, injection=self._injected(self.references[0].image, frames[0], encoder))
        first = self.first
        apart = self._apart(first, frames)
        if apart is None:
            return made
        place = self.references.index(first) if first is not None else 0
        tokens = None if first is None else self.tokens[place].to(self.host.device())
        return with_variant(made, variant, apart.seen(HostEyes(self.host, self.file), tokens))

    def _apart(self, first: FurtherReference | None, frames: Sequence[Frame]) -> Apart | None:
        found = Apart.of(variant_name(self.file), self.settings, self.sketch, None if first is None else first.image,
                         self.extras, frames[0].place, PIXELS, self.drawn)
        if found is not None and len(frames) > 1:
            raise ColorizeError("figure and background apart: found several canvases in one run, expected one; colour "
                                "one sketch at a time, or switch it off")
        return found

    def _injected(self, reference: Image.Image, frame: Frame, encoder: SketchEncoder) -> InjectedPicture:
        lines = frame.place(torch.full((1, 1, self.sketch.height, self.sketch.width), -1.0))
        picture = squashed(reference, lines.shape[2], lines.shape[3]).to(self.host.device())
        hints = None
        if self.settings.injection_control > 0:
            negative = -picture.to(next(encoder.parameters()))
            hints = tuple(self.settings.injection_control * hint for hint in encoder(negative))
        schedule = self.file.usable().schedule
        alphas = sampled_alphas(schedule.linear_start, schedule.linear_end, schedule.timesteps, schedule.zero_snr)
        return InjectedPicture(*self.host.moments(picture), hints, alphas)

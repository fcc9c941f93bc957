"""Pictures and settings -> what the U-Net is shown: canvas, tokens, hints. Encoders are read, used and dropped here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from PIL import Image
from torch import Tensor

from ..errors import ColorizeError
from ..method.conditioning import Conditioning, encode
from ..method.injected_picture import InjectedPicture
from ..method.reference_encoder import ReferenceEncoder
from ..method.schedule import NoiseSchedule
from ..method.settings import Settings
from ..method.shown_tokens import shown_tokens
from ..method.sketch_encoder import SketchEncoder
from ..method.text.tower import TextTower
from ..method.token_bias import areas_of, bias_between
from ..method.variants.showing import with_variant
from ..method.variants.variant import Variant
from ..pictures.apart import Apart
from ..pictures.backdrop import backdrop_extras, kept_figure
from ..pictures.canvas import Placement, sketch_layout
from ..pictures.extras import Extras
from ..pictures.images import sketch_tensor
from ..pictures.margins import with_margins
from ..pictures.masks import cut_away, result_mask
from ..pictures.regions import check_regions, lay_regions
from ..pictures.required import require_references
from ..pictures.squashed import squashed
from ..pictures.unused import require_used
from . import networks
from .encoding import posterior
from .reference_tokens import ReferenceTokens
from .running import Running
from .text_changes import TextChanges


@dataclass(frozen=True)
class Prepared:
    """One job's conditioning, its canvas in pixels (H, W), and where the wanted picture lies on it."""

    conditioning: Conditioning
    canvas: tuple[int, int]
    placement: Placement
    figure: Image.Image | None = None  # the sketch's mask in the result's frame, where something is put behind it
    told: str = ""  # what that mask takes away, in words


class Preparing:
    """The encoders of one checkpoint."""

    def __init__(
        self, sketch_encoder: SketchEncoder, vae: networks.AutoencoderKL,
        load_reference_encoder: Callable[[], ReferenceEncoder], running: Running, schedule: NoiseSchedule,
        resolution: int, multiple: int, load_text_tower: Callable[[], TextTower], variant: Variant,
    ) -> None:
        """load_reference_encoder: called for new references; multiple: of a canvas' sides, in pixels.

        load_text_tower: called for texts that were not read before; ColorizeError when there is none.
        """
        self.sketch_encoder, self.vae, self.schedule = sketch_encoder, vae, schedule
        self.running, self.resolution, self.multiple = running, resolution, multiple
        self.texts, self.variant = TextChanges(load_text_tower, running), variant
        self.reference_tokens = ReferenceTokens(load_reference_encoder, running)

    def prepare(
        self, sketch: Image.Image, reference: Image.Image | None, settings: Settings, extras: Extras,
    ) -> Prepared:
        """ColorizeError for what cannot be coloured, before anything is computed."""
        extras = backdrop_extras(extras, settings)
        reference, extras = with_margins(reference, extras, settings.reference_padding)
        references = extras.references(reference)
        check_regions(references, sketch.size)
        first = reference if references and references[0].place == 1 else None  # a mask of the reference is of this one
        require_references(self.variant.name, settings, references, extras.background is not None)
        require_used(settings, extras)
        drawing, placement = sketch_tensor(sketch, settings, self.resolution, self.multiple)
        layout = sketch_layout(sketch.size, settings, self.resolution, self.multiple)
        figure = kept_figure(sketch, extras, settings)
        changes = settings.changes()
        if changes and first is None:
            raise ColorizeError("changes by text: there is no reference to change; name one, or leave the texts out")
        self.texts.read(changes)
        apart = Apart.of(self.variant.name, settings, sketch, first, extras, layout.place, self.vae.factor,
                         figure)
        every = self.reference_tokens.of([found.image for found in references], settings.reference_scale)
        shown = [shown_tokens(self.texts.apply(tokens, changes) if found.place == 1 else tokens)
                 for found, tokens in zip(references, every)]
        with self.running.precision():
            conditioning = encode(
                self.sketch_encoder, drawing.to(self.running.device), torch.cat(shown, 1) if shown else None, settings)
        areas = areas_of(lay_regions(references, layout.place), conditioning.latent_size)
        bias = bias_between([tokens.shape[1] for tokens in shown], [found.weight for found in references], areas)
        picture = self.injected(references[0].image, drawing, settings) if settings.injection > 0 else None
        if apart is not None:
            seen = apart.seen(EncoderEyes(self), shown[0] if first is not None else None)
            with self.running.precision():
                conditioning = with_variant(conditioning, self.variant, seen)
        return Prepared(replace(conditioning, token_bias=bias, injection=picture), (drawing.shape[2], drawing.shape[3]),
                        placement, None if figure is None else result_mask(figure, layout),
                        "" if figure is None else cut_away(figure))

    def injected(self, reference: Image.Image, drawing: Tensor, settings: Settings) -> InjectedPicture:
        """The reference as what is injected on the canvas of this drawing [1, 3, H, W]."""
        picture = squashed(reference, drawing.shape[2], drawing.shape[3]).to(self.running.device)
        hints = None
        with self.running.precision():
            mean, std = posterior(self.vae, picture)
            if settings.injection_control > 0:
                negative = -picture.to(next(self.sketch_encoder.parameters()))
                hints = tuple(settings.injection_control * hint for hint in self.sketch_encoder(negative))
        return InjectedPicture(mean, std, hints, self.schedule.alphas_cumprod)

    def tokens(self, reference: Image.Image, scale: float = 1.0) -> Tensor:
        """All tokens [1, 1 + N, D] of a reference."""
        (tokens,) = self.reference_tokens.of([reference], scale)
        return tokens

    def condition(self, sketch: Tensor, tokens: Tensor | None, settings: Settings) -> Conditioning:
        """sketch: [1, 3, H, W] in [-1, 1], lines +1 on -1; tokens: [1, 1 + N, D] of `tokens`."""
        with self.running.precision():
            shown = None if tokens is None else shown_tokens(tokens)
            return encode(self.sketch_encoder, sketch.to(self.running.device), shown, settings)


class EncoderEyes:
    """An engine's encoders, as `Apart` asks for them."""

    def __init__(self, preparing: Preparing) -> None:
        self._preparing = preparing

    def tokens(self, picture: Tensor) -> Tensor:
        running = self._preparing.running
        with running.precision(running.dtype != torch.float32):
            return shown_tokens(self._preparing.reference_tokens.load()(picture.to(running.device)))

    def latent(self, picture: Tensor, generator: torch.Generator) -> Tensor:
        with self._preparing.running.precision():
            mean, std = posterior(self._preparing.vae, picture.to(self._preparing.running.device))
        return mean + std * torch.randn(mean.shape, generator=generator).to(mean)

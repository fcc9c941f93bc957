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
from ..pictures.job_masks import result_mask
from ..pictures.margins import with_margins
from ..pictures.masks import cut_away
from ..pictures.regions import check_regions, lay_regions
from ..pictures.required import require_references
from ..pictures.squashed import squashed
from ..pictures.unused import require_used
from . import networks
from .encoding import large_mean, posterior
from .reference_tokens import ReferenceTokens
from .running import Running
from .second_pass import WHOLE, in_tiles
from .text_changes import TextChanges
from .windows import Window, seen_in, windows_of

NOTHING = -0.8  # lines are +1 on -1: a window with nothing above is empty


@dataclass(frozen=True)
class Prepared:
    """One pass' conditioning, its drawing on the canvas [1, 3, H, W], and where the wanted picture lies on that.

    figure: the sketch's mask in the result's frame, where something is put behind it; told: what that takes away,
    in words. windows, seen: those of a canvas
    that is denoised in parts, and what each is shown, None = nothing is drawn there. They have not the hints of
    `conditioning`, which are one window's then.
    """

    conditioning: Conditioning
    drawing: Tensor
    placement: Placement
    figure: Image.Image | None = None
    told: str = ""
    windows: tuple[Window, ...] = ()
    seen: tuple[Conditioning | None, ...] = ()

    @property
    def canvas(self) -> tuple[int, int]:
        """(H, W) in pixels."""
        height, width = self.drawing.shape[2:]
        return height, width

    @property
    def latent_size(self) -> tuple[int, int]:
        """(h, w) of what the U-Net is given at once."""
        return self.conditioning.latent_size


class Preparing:
    """The encoders of one checkpoint."""

    def __init__(
        self, sketch_encoder: SketchEncoder, vae: networks.AutoencoderKL,
        load_reference_encoder: Callable[[], ReferenceEncoder], running: Running, schedule: NoiseSchedule,
        resolution: int, multiple: int, load_text_tower: Callable[[], TextTower], variant: Variant,
        square: bool = False,
    ) -> None:
        """load_reference_encoder: called for new references; multiple: of a canvas' sides, in pixels.

        square: canvases that follow the sketch are squares.

        load_text_tower: called for texts that were not read before; ColorizeError when there is none.
        """
        self.sketch_encoder, self.vae, self.schedule = sketch_encoder, vae, schedule
        self.running, self.resolution, self.multiple, self.square = running, resolution, multiple, square
        self.texts, self.variant = TextChanges(load_text_tower, running), variant
        self.reference_tokens = ReferenceTokens(load_reference_encoder, running)

    def prepare(
        self, sketch: Image.Image, reference: Image.Image | None, settings: Settings, extras: Extras,
        resolution: int | None = None, tiled: bool = False,
    ) -> Prepared:
        """ColorizeError for what cannot be coloured, before anything is computed.

        resolution: side of a square as large as the canvas; None = the model's own. tiled: in windows, where
        that is much larger.
        """
        resolution = resolution or self.resolution
        extras = backdrop_extras(extras, settings)
        reference, extras = with_margins(reference, extras, settings.reference_padding)
        references = extras.references(reference)
        check_regions(references, sketch.size)
        first = reference if references and references[0].place == 1 else None  # a mask of the reference is of this one
        require_references(self.variant.name, settings, references, extras.background is not None)
        require_used(settings, extras)
        drawing, placement = sketch_tensor(sketch, settings, resolution, self.multiple, self.square)
        layout = sketch_layout(sketch.size, settings, resolution, self.multiple, self.square)
        windows = self.windows(drawing) if tiled else ()
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
        parts = [window.of(drawing, self.vae.factor) for window in windows] or [drawing]
        conditioning = self.encoded(parts[0], torch.cat(shown, 1) if shown else None, settings)
        latent = drawing.shape[2] // self.vae.factor, drawing.shape[3] // self.vae.factor
        areas = areas_of(lay_regions(references, layout.place), latent)
        bias = bias_between([tokens.shape[1] for tokens in shown], [found.weight for found in references], areas)
        picture = self.injected(references[0].image, parts[0], settings) if settings.injection > 0 else None
        if apart is not None:
            seen = apart.seen(EncoderEyes(self), shown[0] if first is not None else None)
            with self.running.precision():
                conditioning = with_variant(conditioning, self.variant, seen)
        whole = replace(conditioning, token_bias=bias, injection=picture)
        shares = tuple(self.seen(window, part, latent, whole, settings) for window, part in zip(windows, parts))
        return Prepared(whole, drawing, placement, None if figure is None else result_mask(figure, layout),
                        "" if figure is None else cut_away(figure), windows, shares)

    def windows(self, drawing: Tensor) -> tuple[Window, ...]:
        """Of the canvas of this drawing [1, 3, H, W]; none where it is denoised in one piece."""
        height, width = drawing.shape[2:]
        if not in_tiles((width, height), self.resolution):
            return ()
        factor, align = self.vae.factor, self.multiple // self.vae.factor
        side = round(WHOLE * self.resolution) // self.multiple * align
        return windows_of(height // factor, width // factor, side, align)

    def seen(
        self, window: Window, drawing: Tensor, latent: tuple[int, int], whole: Conditioning, settings: Settings,
    ) -> Conditioning | None:
        """What a window with this drawing is shown; None where nothing is drawn. latent: (h, w) of the canvas."""
        if float(drawing.max()) < NOTHING:
            return None
        return seen_in(window, latent, whole, self.encoded(drawing, None, settings, blank=False).hints)

    def encoded(self, drawing: Tensor, tokens: Tensor | None, settings: Settings, blank: bool = True) -> Conditioning:
        """The hints of a drawing [1, 3, H, W] with these tokens; blank: those of none too, where they are asked for."""
        settings = settings if blank else settings.with_(sketch_guidance=1.0)
        with self.running.precision():
            return encode(self.sketch_encoder, drawing.to(self.running.device), tokens, settings)

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

    def latent(self, picture: Tensor) -> Tensor:
        """picture: [1, 3, H, W] in [-1, 1] -> the mean of its posterior [1, C, h, w], scaled, float32."""
        return large_mean(self.vae, picture.to(self.running.device))

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
        return shown_tokens(self._preparing.reference_tokens.of_picture(picture))

    def latent(self, picture: Tensor, generator: torch.Generator) -> Tensor:
        with self._preparing.running.precision():
            mean, std = posterior(self._preparing.vae, picture.to(self._preparing.running.device))
        return mean + std * torch.randn(mean.shape, generator=generator).to(mean)

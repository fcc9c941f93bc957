"""Tokens, latents and masks -> figure and background, style and maps, as the options of a variant ask for.

The tables of variants.md sections 1 to 3, in the intended forms of its section 8: strengths act everywhere, and v1.5's
figure and background together are the figure of the one row and the background of the other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..conditioning import Conditioning
from ..masking import BackgroundMaps, FigureMask, MaskedTokens
from ..settings import Settings
from .half_unet import HalfUNet, size_label
from .variant import Variant


@dataclass(frozen=True, eq=False)
class Seen:
    """A picture as the encoders give it. tokens: [1, N, D], local ones; size: (h, w) of its own, in pixels.

    latent: [1, C, h, w], scaled, drawn from the posterior of the picture squashed to the canvas; None where v2's
    encoders do not look at it.
    """

    tokens: Tensor
    size: tuple[int, int] = (0, 0)
    latent: Tensor | None = None


@dataclass(frozen=True)
class PictureNeeds:
    """What a job looks at besides sketch and reference. masked_reference: white where its figure is."""

    sketch_mask: bool
    masked_reference: bool
    picture: bool
    reference_latent: bool
    other_latent: bool

    @classmethod
    def of(cls, variant: str, settings: Settings, has_picture: bool) -> PictureNeeds:
        """has_picture: whether there is a background picture."""
        behind = settings.background_enhance
        style = settings.style_enhance and variant == "v2"
        picture = has_picture and (behind or style)
        return cls(
            sketch_mask=behind or settings.foreground_enhance, masked_reference=behind and not has_picture,
            picture=picture, reference_latent=style, other_latent=variant == "v2" and (behind or (style and picture)))

    @property
    def anything(self) -> bool:
        return self.sketch_mask or self.picture or self.reference_latent


@dataclass(frozen=True, eq=False)
class JobPictures:
    """other: the background picture, or the reference without its figure; None = neither is looked at.

    canvas: (H, W) in pixels of what is coloured.
    """

    settings: Settings
    reference: Seen | None
    other: Seen | None
    is_picture: bool
    mask: FigureMask | None
    canvas: tuple[int, int]


@torch.no_grad()
def with_variant(conditioning: Conditioning, variant: Variant, shown: JobPictures) -> Conditioning:
    """The conditioning with what the settings ask for; the variant's encoders are read, used and gone.

    conditioning.tokens: as the U-Net is shown them: changed by text, of several references, ...
    """
    made = replace(conditioning, masked=_masked(conditioning.tokens, variant, shown))
    if variant.name != "v2":
        return made
    return replace(made, style=_style(variant, shown), background=_maps(variant, shown))


def _masked(tokens: Tensor | None, variant: Variant, shown: JobPictures) -> MaskedTokens | None:
    settings, mask, other = shown.settings, shown.mask, shown.other
    behind, ahead = settings.background_enhance, settings.foreground_enhance
    if mask is None or not (behind or ahead):
        return None
    like = tokens if tokens is not None else None if other is None else other.tokens
    assert like is not None  # one of the two is there
    figure = torch.zeros_like(like[:, :1]) if tokens is None else tokens
    background = figure if other is None else other.tokens
    if variant.name == "v1.5":
        figure, background = _v1_5(figure, background, variant, shown)
    elif variant.name == "v2" and not behind and not (settings.style_enhance and shown.is_picture):
        background = figure
    return MaskedTokens(
        figure, background, mask, settings.foreground_strength, settings.background_strength, settings.merge,
        figure_lora=ahead if variant.name == "v1.5" else behind, background_lora=behind)


def _v1_5(figure: Tensor, background: Tensor, variant: Variant, shown: JobPictures) -> tuple[Tensor, Tensor]:
    """Figure alone: the same tokens twice, and the picture is not looked at. A picture's tokens are not gathered."""
    settings = shown.settings
    if not settings.background_enhance:
        return figure, figure
    embedder = variant.load("threshold_embedder")
    figure = figure + embedder(settings.sketch_threshold).to(figure)
    background = background + embedder(settings.reference_threshold).to(background)
    if not shown.is_picture:
        transformer = variant.load("token_transformer")
        background = transformer(background.to(next(transformer.parameters()))).to(background)
    return figure, background


def _style(variant: Variant, shown: JobPictures) -> tuple[Tensor, ...] | None:
    if not shown.settings.style_enhance or shown.reference is None:
        return None
    encoder, reference = variant.load("style_encoder"), shown.reference
    style = _encoded(encoder, reference, reference.tokens, reference.size, shown)
    if not shown.is_picture or shown.other is None:
        return style
    merge = shown.settings.merge
    others = _encoded(encoder, shown.other, shown.other.tokens, shown.other.size, shown)
    return tuple((1 - merge) * own + merge * other for own, other in zip(style, others))


def _maps(variant: Variant, shown: JobPictures) -> BackgroundMaps | None:
    """The context is the reference's, but for a picture without style, which has its own (quirk 27)."""
    settings, reference, other = shown.settings, shown.reference, shown.other
    if not settings.background_enhance or other is None or shown.mask is None:
        return None
    context = other if reference is None or (shown.is_picture and not settings.style_enhance) else reference
    size = other.size if shown.is_picture or reference is None else reference.size
    maps = _encoded(variant.load("background_encoder"), other, context.tokens, size, shown)
    return BackgroundMaps(tuple(settings.background_factor * g for g in maps), shown.mask)


def _encoded(
    encoder: torch.nn.Module, seen: Seen, context: Tensor, size: tuple[int, int], shown: JobPictures,
) -> tuple[Tensor, ...]:
    assert isinstance(encoder, HalfUNet) and seen.latent is not None
    label = size_label(size, shown.canvas, encoder.label_width)
    found: tuple[Tensor, ...] = encoder(seen.latent, context, label.to(seen.latent.device))
    return found

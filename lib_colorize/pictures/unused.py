"""What a job brings and nothing uses: masks are refused, settings told, so that nobody waits for an effect of them."""

from __future__ import annotations

from dataclasses import fields

from ..errors import ColorizeError
from ..method.injection_settings import InjectionSettings
from ..method.large_settings import LEAST_SECOND_PASS
from ..method.mask_settings import Backdrop
from ..method.setting_field import to_text
from ..method.settings import Settings
from ..method.text_settings import TextSettings
from ..method.variants.features import colours_apart
from .extras import Extras

APART = ("foreground_strength", "background_strength", "merge", "reference_threshold", "sketch_threshold")
GROUPS = ("encoder_strength", "colour_strength", "semantics_strength")


def require_used(settings: Settings, extras: Extras) -> None:
    """ColorizeError for a mask where nothing is told apart at all: who drew it expects something of it."""
    if colours_apart(settings):
        return
    if extras.sketch_mask is not None and settings.backdrop is Backdrop.AS_GIVEN:
        raise ColorizeError("a mask of the sketch, but nothing uses it; switch background enhance on, choose the "
                            "background 'plain' or 'transparent', or leave the mask out")
    if extras.reference_mask is not None:
        raise ColorizeError("a mask of the reference, but nothing uses it; switch background enhance on, or leave the "
                            "mask out")


def told_unused(settings: Settings, extras: Extras) -> tuple[str, ...]:
    """A few words for each setting that was changed, and each mask, that changes nothing as `settings` are."""
    usual = Settings()

    def changed(*names: str) -> list[str]:
        return [name for name in names if getattr(settings, name) != getattr(usual, name)]

    def names_of(group: type, *but: str) -> list[str]:
        return [item.name for item in fields(group) if item.name not in but]

    idle: list[tuple[list[str], str]] = []
    if settings.backdrop is not Backdrop.PLAIN:
        idle.append((changed("backdrop_colour"), "the background is not 'plain'"))
    if settings.backdrop is not Backdrop.AS_GIVEN or extras.background is None:
        idle.append((changed("remove_foreground"), "there is no background picture"))
    if not colours_apart(settings):
        idle.append((changed(*APART), "figure and background are not coloured apart"))
    if not settings.injection:
        idle.append((changed(*names_of(InjectionSettings, "injection")), "injection is off"))
    if not settings.text_target:
        idle.append((changed(*names_of(TextSettings, "text_target", "text_changes")), "no text says what to change to"))
    if settings.block_strengths:
        idle.append((changed(*GROUPS), "each block has a strength of its own"))
    if not extras.palette:
        idle.append((changed("palette_limit"), "there is no palette"))
    if settings.second_pass < LEAST_SECOND_PASS:
        idle.append((changed("second_strength"), "there is no second pass"))
        idle.append((changed("second_pass"), f"less than {LEAST_SECOND_PASS:g} times as large there is nothing to win"))
    labels = {item.name: item.metadata["label"] for item in fields(Settings)}
    told = [f"{labels[name]} {to_text(getattr(settings, name))}: not used, {why}" for names, why in idle
            for name in names]
    if extras.reference_weight not in (0, 1) and not extras.further:
        told.append(f"weight {extras.reference_weight:g} of the reference: not used, there is no other one")
    plain = settings.backdrop is not Backdrop.AS_GIVEN
    if extras.sketch_mask is not None and not (plain or settings.background_enhance or settings.foreground_enhance):
        told.append("mask of the sketch: not used, only background and foreground enhance look at it")
    if extras.reference_mask is not None and not settings.background_enhance:
        told.append("mask of the reference: not used, only background enhance looks at it")
    elif extras.reference_mask is not None and (plain or extras.background is not None):
        told.append("mask of the reference: not used, the background has a picture of its own or is plain")
    return tuple(told)

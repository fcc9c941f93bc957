"""Which options a checkpoint can act on, and one sentence for what it cannot do."""

from __future__ import annotations

from ...errors import ColorizeError
from ..settings import Settings

OF = {  # setting -> the variants whose networks have it
    "background_enhance": ("v1", "v1.5", "v2"),
    "foreground_enhance": ("v1.5", "v2"),
    "style_enhance": ("v2",),
    "background_factor": ("v2",),
}
WORDS = {
    "background_enhance": "background enhance", "foreground_enhance": "foreground enhance",
    "style_enhance": "style enhance", "background_factor": "a background factor",
}


def colours_apart(settings: Settings) -> bool:
    """Whether anything but lines and tokens of the references is shown."""
    return settings.background_enhance or settings.foreground_enhance or settings.style_enhance


def lacking(variant: str) -> frozenset[str]:
    """The settings that do nothing with a checkpoint of this variant."""
    return frozenset(name for name, variants in OF.items() if variant not in variants)


def why_lacking(name: str) -> str:
    """In words, for a page that greys the setting out."""
    return f"only {' and '.join(OF[name])} checkpoints have it"


def require_features(variant: str, settings: Settings, has_reference: bool, has_background: bool) -> None:
    """ColorizeError for what this checkpoint, or this set of pictures, cannot give.

    has_background: whether there is a background picture.
    """
    usual = Settings()
    for name in sorted(lacking(variant)):
        if getattr(settings, name) != getattr(usual, name):
            raise ColorizeError(f"{WORDS[name]}: the checkpoint is {variant}, and {why_lacking(name)}; "
                                "choose one, or leave this at its default")
    if has_background and not (settings.background_enhance or settings.style_enhance):
        raise ColorizeError("a background picture, but the background is not coloured apart; switch background enhance "
                            "on, or leave the picture out")
    if has_reference:
        return
    if settings.style_enhance or settings.foreground_enhance:
        word = WORDS["style_enhance" if settings.style_enhance else "foreground_enhance"]
        raise ColorizeError(f"{word}: there is no reference; name one, or switch it off")
    if settings.background_enhance and not has_background:
        raise ColorizeError("background enhance: there is neither a reference nor a background picture; name one, or "
                            "switch it off")

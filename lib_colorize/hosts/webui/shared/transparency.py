"""Where a WebUI takes the transparency off a result, so that what was cut away behind the figure shows again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ....errors import ColorizeError
from ....method.mask_settings import Backdrop
from ...settings import JobSettings
from .tiles import PARTS

OPAQUE = ("jpg", "jpeg", "webp")  # formats that hosts write as RGB


def transparency_note(p: Any, settings: JobSettings, option: Callable[[str, Any], Any]) -> str:
    """One sentence when the file will not be transparent; "" when all is well. option: of the settings page.

    ColorizeError where the host lays every result over its own picture, or over its neighbours.
    """
    if settings.backdrop is not Backdrop.TRANSPARENT:
        return ""
    by = ""
    if vars(p).get(PARTS):
        by = "a script that paints in parts puts them together"
    elif getattr(p, "image_mask", None) is not None and option("overlay_inpaint", True):
        by = "the WebUI lays the rest of img2img's picture over an inpainted one"
    if by:
        raise ColorizeError(f"the background is to be transparent, and {by} without transparency; choose another "
                            "background, or colour without inpainting and such scripts")
    name = str(option("samples_format", "png")).lower().lstrip(".")
    if name not in OPAQUE:
        return ""
    return (f"The background is to be transparent, and this WebUI saves pictures as {name}, without transparency: what "
            "was behind the figure shows again. Choose png in Settings > Saving images.")

"""A heat map of what a text finds in a reference, for a page: drawn before a run, so that thresholds are seen."""

from __future__ import annotations

from typing import Any

from PIL import Image

from ..errors import ColorizeError
from ..method.settings import Settings
from ..method.text.heat_map import heat_maps, heat_picture
from ..pictures.images import reference_tensor, to_image
from ..pictures.opened_page import as_encoded
from .checkpoints import colorize_file
from .host import Host
from .sketches import decode
from .text_vectors import VECTORS
from .tokens import TOKENS


def heat_map_of(host: Host, picture: Any, text: str, settings: Settings) -> Image.Image:
    """The reference with what is like `text` in warm colours, at the settings' four thresholds, before any change.

    The encoder is that of the checkpoint that the next run will use. ColorizeError for what is missing.
    """
    reference = decode(host, picture, "the reference")
    if reference is None:
        raise ColorizeError("no reference to look at; put one into the reference box")
    file = colorize_file(host.chosen_path())
    if file is None:
        raise ColorizeError("choose a ColorizeDiffusion checkpoint first; the heat map is its encoder's")
    vector = VECTORS.vectors(host, file, [text])[text]
    shown = as_encoded(reference, settings)
    seen = reference_tensor(shown)
    maps = heat_maps(TOKENS.tokens(host, file, shown), vector, (seen.shape[2], seen.shape[3]),
                     settings.text_thresholds)
    return heat_picture(to_image(seen[0]), maps)

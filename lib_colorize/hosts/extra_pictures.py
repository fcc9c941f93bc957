"""What a request has beside two pictures: masks, background, more references with their weights, hints, a palette."""

from __future__ import annotations

from collections.abc import Mapping

from ..pictures.extras import FURTHER, Extras, extras_of, pictures_of
from .host import Host
from .palette_values import decode_palette, palette_hash
from .pictures import picture_hash
from .request import Request
from .settings import PREFIX, JobSettings
from .sketches import decode


def requested_extras(host: Host, request: Request) -> Extras:
    """ColorizeError for what is no picture, or a region without its reference."""
    decoded = {name: decode(host, value, in_words(name)) for name, value in request.further.items()}
    images = {name: image for name, image in decoded.items() if image is not None}
    return extras_of(images, weights_of(request.settings), decode_palette(host, request.palette))


def weights_of(settings: JobSettings) -> dict[str, float]:
    """Of each reference, by its name."""
    return {name: float(getattr(settings, f"{name}_weight")) for name in ("reference", *FURTHER)}


def in_words(name: str) -> str:
    """A picture's name in a message."""
    return f"the {name.replace('_', ' ')}"


def extra_hashes(extras: Extras) -> Mapping[str, str]:
    """Infotext: the hash of each further picture, as those of sketch and reference, and of the palette's colours."""
    found = {name: picture_hash(image) for name, image in pictures_of(extras).items()}
    if extras.palette:
        found["palette"] = palette_hash(extras.palette)
    return {f"{PREFIX}{name.replace('_', ' ')} hash": each for name, each in found.items()}

"""Finishing without a model, as a program's server is asked for it: layers, and areas put right by hints or a palette.

Of any coloured picture of a sketch, whoever made it; the commands `layers` and `touch-up` do the same.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from ..errors import ColorizeError, shortened
from ..finishing.divided import finish
from ..finishing.drawing import drawing_on_white, page_under
from ..finishing.finished import Finished
from ..finishing.layer_files import layer_bytes
from ..finishing.layers import NAMES, are_names
from ..finishing.recolour import recoloured
from ..finishing.touch_up import touched_up
from ..pictures.opened_page import OpenedPage
from .host import Host
from .palette_values import decode_palette, read_colour
from .settings import JobSettings
from .sketches import decode

PICTURES = ("sketch", "coloured")
CHANGES = ("hints", "palette", "areas")
KINDS = {"psd": ".psd", "ora": ".ora", "png": ".zip"}  # what is asked for -> the file that is sent


@dataclass(frozen=True)
class FinishingRequest:
    """drawing: [H, W, 3] uint8, the page's lines on white; finished: the coloured picture on it."""

    settings: JobSettings
    page: OpenedPage
    drawing: np.ndarray
    finished: Finished


def read_finishing(host: Host, body: Mapping[str, Any], more: Sequence[str] = ()) -> FinishingRequest:
    """more: what may be in the body beside pictures and settings. ColorizeError for anything else, or a wrong picture.
    """
    known = (*PICTURES, "settings", *more)
    unknown = [str(name) for name in body if name not in known]
    if unknown:
        raise ColorizeError(f"unknown entry {shortened(unknown[0])}; known are {', '.join(known)}")
    settings = JobSettings.from_values(_object(body.get("settings"), "settings"))
    pictures = [decode(host, body.get(name), f"the {name}") for name in PICTURES]
    sketch, coloured = pictures
    if sketch is None or coloured is None:
        missing = PICTURES[pictures.index(None)]
        raise ColorizeError(f"no {missing} picture; send \"{missing}\" as base64")
    page = page_under(sketch, coloured, settings)
    drawing = drawing_on_white(page.sketch, settings)
    return FinishingRequest(settings, page, drawing, finish(drawing, coloured, settings.gap / 100))


def layers_answer(host: Host, body: Mapping[str, Any]) -> dict[str, Any]:
    """POST layers: {"file": base64, "name", "width", "height", "areas", "layers": names from the top}."""
    kind, names = body.get("format", "psd"), _names(body.get("names"))
    if not isinstance(kind, str) or kind not in KINDS:
        raise ColorizeError(f"format: found {shortened(kind)}, expected {', '.join(KINDS)}")
    request = read_finishing(host, body, ("format", "names", *CHANGES))
    finished, _ = _changed(host, body, request)
    layers = finished.layers(names)
    height, width = request.drawing.shape[:2]
    return {"file": base64.b64encode(layer_bytes(layers, KINDS[kind])).decode(), "name": f"layers{KINDS[kind]}",
            "width": width, "height": height, "areas": int(finished.labels.max()),
            "layers": [layer.name for layer in reversed(layers)]}


def touch_up_answer(host: Host, body: Mapping[str, Any]) -> dict[str, Any]:
    """POST touch-up: {"image": base64 PNG of the sketch's size, "changed": how many areas, "areas": of how many}."""
    if not any(body.get(name) for name in CHANGES):
        raise ColorizeError("nothing to do: give \"hints\", a \"palette\", or \"areas\"")
    request = read_finishing(host, body, CHANGES)
    finished, changed = _changed(host, body, request)
    return {"image": png_text(finished.picture()), "changed": changed, "areas": int(finished.labels.max())}


def png_text(picture: Image.Image) -> str:
    """Base64 of a PNG."""
    out = io.BytesIO()
    picture.save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


def _changed(host: Host, body: Mapping[str, Any], request: FinishingRequest) -> tuple[Finished, int]:
    """The picture as it is asked for, and how many areas have another colour. Areas by number go over all else."""
    page, finished = request.page, request.finished
    named = _areas(body.get("areas"), int(finished.labels.max()))
    hints, palette = decode(host, body.get("hints"), "the hints"), decode_palette(host, body.get("palette"))
    hints = None if hints is None else page.drawn_over(hints, "the picture of hints")
    finished, changed = touched_up(finished, request.drawing, hints, palette, request.settings.palette_limit,
                                   page.sketch)
    return (recoloured(finished, named), max(changed, len(named))) if named else (finished, changed)


def _areas(value: Any, count: int) -> dict[int, tuple[int, int, int]]:
    """{"12": "#c03020"}, numbers as POST areas gives them."""
    found = {}
    for number, colour in _object(value, "areas").items():
        if not number.isdecimal() or not 1 <= int(number[:9]) <= count:
            raise ColorizeError(f"areas: found {shortened(number)}, expected the number of an area, 1 to {count}")
        found[int(number)] = read_colour(colour, f"area {number}")
    return found


def _object(value: Any, what: str) -> Mapping[str, Any]:
    if value is not None and not isinstance(value, dict):
        raise ColorizeError(f"{what}: found {type(value).__name__}, expected an object of names and values")
    return value or {}


def _names(value: Any) -> tuple[str, ...]:
    """Of layers, from the top."""
    if value is None:
        return NAMES
    names = tuple(name.strip() for name in value if isinstance(name, str)) if isinstance(value, list) else ()
    if not are_names(names):
        raise ColorizeError(f"names: found {shortened(value)}, expected {len(NAMES)} different names for "
                            f"{', '.join(NAMES)}")
    return names

"""Which pictures are the sketches of a run: the request's own, or the program's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PIL import Image

from ..errors import ColorizeError
from .host import Host
from .host_run import HostRun
from .pictures import decode_picture, picture_hash
from .request import Request
from .settings import StartFrom


def decode(host: Host, value: Any, what: str) -> Image.Image | None:
    """A picture out of a widget or an API call, as this host allows."""
    return decode_picture(value, what, host.picture_folders(), host.fetch_picture())


def sketches_of(host: Host, request: Request, run: HostRun) -> tuple[Image.Image, ...]:
    """One sketch, or one for each picture of a batch; ColorizeError says which picture is missing."""
    if run.sketches:
        return run.sketches
    own, given = decode(host, request.sketch, "the sketch"), run.pictures
    if request.settings.start is StartFrom.BASE and any(value is None for value in given):
        raise ColorizeError("keep base: img2img's own picture is empty; put the coloured picture there, or start from "
                            "pure noise")
    if own is not None:
        return (own,)
    if not given:
        raise ColorizeError("no sketch; put one into the sketch box (API: \"sketch\"), or use img2img's own picture")
    if request.settings.start is StartFrom.BASE and request.settings.extractor == "none":
        raise ColorizeError("keep base: img2img's picture is the coloured one, so the sketch is missing; put it into "
                            "the extension's sketch box, or choose a line extractor to draw it from that picture")
    pictures = [decode(host, value, "the sketch") for value in given]
    found = [picture for picture in pictures if picture is not None]
    if len(found) < len(pictures):
        raise ColorizeError("no sketch: img2img's picture is empty; put a sketch there or into the sketch box")
    _require_hash(found, request.sketch_hash)
    return tuple(found[:1] if all(value is given[0] for value in given) else found)


def _require_hash(pictures: Sequence[Image.Image], wanted: str) -> None:
    """ColorizeError when a pasted text speaks of other sketches: else a coloured result would be taken for one."""
    found = [picture_hash(picture) for picture in pictures] if wanted else []
    other = [each for each in found if each not in wanted.split()]
    if other:
        raise ColorizeError(f"img2img's picture is not the sketch of the pasted text (hash {other[0]}, the text says "
                            f"{wanted}); put the sketch into the sketch box, or this picture if its lines are meant")

"""Routes of the WebUI's server beside its own: version, models, settings, a sketch as the model sees it, finishing."""

from __future__ import annotations

import enum
import json
from collections.abc import Callable, Mapping
from dataclasses import Field
from typing import Any

from ... import __version__
from ...errors import ColorizeError, shortened
from ...method.settings import MAX_SIZE
from ...models.scan import scan
from ...pictures.lineart import EXTRACTORS
from ..area_map import areas_answer
from ..checkpoint_status import checkpoint_status
from ..finishing_requests import layers_answer, png_text, touch_up_answer
from ..host import Host
from ..request import ARGUMENTS
from ..settings import JobSettings, infotext_key, job_fields
from ..sketch_preview import preview_sketch
from .access import guard_of

ROOT = "/colorize-diffusion"
Answer = Callable[[Host, Mapping[str, Any]], Mapping[str, Any]]  # to a JSON object; ColorizeError for a bad one


def add_routes(app: Any, host: Host) -> None:
    """On the host's FastAPI application, behind the host's own password."""
    from fastapi import Depends, Request
    from fastapi.responses import Response

    def as_json(content: Any, code: int = 200) -> Any:
        return Response(to_json(content), code, media_type="application/json")

    def guarded(answer: Callable[..., Any], *args: Any) -> Any:
        try:
            return as_json(answer(*args))
        except ColorizeError as error:
            return as_json({"error": "ColorizeError", "detail": str(error), "errors": str(error)}, 422)

    async def sent(request: Any) -> bytes:
        return await request.body()  # type: ignore[no-any-return]

    def posting(answer: Answer) -> Callable[[bytes], Any]:
        def post(body: bytes) -> Any:
            return guarded(lambda: answer(host, read_object(body)))

        post.__annotations__["body"], post.__defaults__ = bytes, (Depends(sent),)
        return post

    sent.__annotations__["request"] = Request  # how FastAPI is told; fastapi is imported here alone
    dependencies = guard_of(app)
    answers: dict[str, Callable[[], Any]] = {
        "version": lambda: version_answer(host), "models": lambda: models(host), "settings": schema}
    for path, answer in answers.items():
        app.add_api_route(f"{ROOT}/{path}", lambda answer=answer: guarded(answer), methods=["GET"],
                          dependencies=dependencies)
    for path, writing in POSTED.items():
        app.add_api_route(f"{ROOT}/{path}", posting(writing), methods=["POST"], dependencies=dependencies)


def read_object(body: bytes) -> Mapping[str, Any]:
    """The JSON object that was sent; ColorizeError when it is none."""
    try:
        found = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise ColorizeError("the request: no JSON; expected an object such as {\"image\": \"...\"}") from None
    if not isinstance(found, dict):
        raise ColorizeError(f"the request: found JSON of type {type(found).__name__}, expected an object such as "
                            "{\"image\": \"...\"}")
    return found


def to_json(content: Any) -> bytes:
    """In ASCII: names of files, and what was sent, may hold what has no UTF-8 (half of a surrogate pair)."""
    return json.dumps(content, allow_nan=False).encode("ascii")


def version_answer(host: Host) -> dict[str, str]:
    """GET version."""
    return {"version": __version__, "host": host.name}


def models(host: Host) -> dict[str, Any]:
    """GET models: what is loaded, and what of checkpoints and reference encoders is there."""
    now, found = checkpoint_status(host), scan(host.folders())
    return {
        "loaded": vars(now),
        "checkpoints": [{"path": str(c.path), "kind": c.kind.value, "runs": True} for c in found.checkpoints],
        "reference_encoders": [{"path": str(e.path), "layout": e.layout.value, "width": e.output_dim, "dtype": e.dtype}
                               for e in found.encoders],
        "skipped": [{"path": str(s.path), "reason": s.reason} for s in found.skipped]}


def schema() -> dict[str, Any]:
    """GET settings: every argument in the order of the list form, and what it may be."""
    described = {item.name: _describe(item) for item in job_fields()}
    return {"arguments": list(ARGUMENTS), "settings": described}


def _describe(item: Field[Any]) -> dict[str, Any]:
    meta, default = item.metadata, item.default
    found: dict[str, Any] = {
        "label": meta["label"], "help": meta["help"], "infotext": infotext_key(item),
        "default": default.value if isinstance(default, enum.Enum) else default,
        "type": "choice" if isinstance(default, enum.Enum) else type(default).__name__}
    if isinstance(default, enum.Enum):
        found["choices"] = [member.value for member in type(default)]
    if item.name == "extractor":
        found["choices"] = list(EXTRACTORS)
    if meta["low"] is not None:
        found |= {"minimum": meta["low"], "maximum": meta["high"], "step": meta["step"]}
    return found


def sketch_preview(host: Host, body: Mapping[str, Any]) -> dict[str, str]:
    """POST sketch-preview {"image", "settings": {...}, "size": [w, h]}: {"image": base64 PNG}, black lines on white."""
    values = body.get("settings")
    if values is not None and not isinstance(values, dict):
        raise ColorizeError(f"settings: found {type(values).__name__}, expected an object of names and values")
    image = preview_sketch(host, body.get("image"), JobSettings.from_values(values or {}), _size(body.get("size")))
    return {"image": png_text(image)}


def _size(value: Any) -> tuple[int, int] | None:
    """(width, height) of a request; None when it names none."""
    if value is None:
        return None
    sides: list[Any] = value if isinstance(value, list) and len(value) == 2 else [None]
    if not all(type(side) in (int, float) and 1 <= side <= MAX_SIZE and side == int(side) for side in sides):
        raise ColorizeError(f"size: found {shortened(value)}, expected [width, height] in pixels, whole numbers from 1 "
                            f"to {MAX_SIZE}")
    width, height = (int(side) for side in sides)
    return width, height


POSTED: Mapping[str, Answer] = {
    "sketch-preview": sketch_preview, "areas": areas_answer, "layers": layers_answer, "touch-up": touch_up_answer}

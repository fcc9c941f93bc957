"""Routes of the WebUI's server beside its own: version, models, settings, and what the model will see of a sketch."""

from __future__ import annotations

import base64
import enum
import io
from collections.abc import Callable
from dataclasses import Field
from typing import Any

from ... import __version__
from ...errors import ColorizeError
from ...method.lineart import EXTRACTORS
from ...models.scan import scan
from ..host import Host
from ..questions import preview, status
from ..request import ARGUMENTS
from ..settings import JobSettings, infotext_key, job_fields

ROOT = "/colorize-diffusion"


def add_routes(app: Any, host: Host) -> None:
    """On the host's FastAPI application, behind the same password as its own API."""
    from fastapi import Body

    def guarded(answer: Callable[..., Any], *args: Any) -> Any:
        from fastapi.responses import JSONResponse

        try:
            return answer(*args)
        except ColorizeError as error:
            return JSONResponse({"error": "ColorizeError", "detail": str(error), "errors": str(error)}, 422)

    def post(body: dict = Body(...)) -> Any:  # type: ignore[type-arg]  # noqa: B008 - how FastAPI declares it
        return guarded(sketch_preview, host, body)

    dependencies = _password(app)
    for path, answer in (("version", lambda: version(host)), ("models", lambda: models(host)), ("settings", schema)):
        app.add_api_route(f"{ROOT}/{path}", lambda answer=answer: guarded(answer), methods=["GET"],
                          dependencies=dependencies)
    app.add_api_route(f"{ROOT}/sketch-preview", post, methods=["POST"], dependencies=dependencies)


def _password(app: Any) -> list[Any]:
    """The dependency that the host's own routes have when --api-auth is set."""
    for route in getattr(app, "routes", ()):
        if getattr(route, "path", "") == "/sdapi/v1/options" and getattr(route, "dependencies", None):
            return list(route.dependencies)
    return []


def version(host: Host) -> dict[str, str]:
    """GET version."""
    return {"version": __version__, "host": host.name}


def models(host: Host) -> dict[str, Any]:
    """GET models: what is loaded, and what of checkpoints and reference encoders is there."""
    now, found = status(host), scan(host.folders())
    return {
        "loaded": vars(now),
        "checkpoints": [{"path": str(c.path), "kind": c.kind.value, "runs": c.runs} for c in found.checkpoints],
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


def sketch_preview(host: Host, body: dict[str, Any]) -> dict[str, str]:
    """POST sketch-preview {"image", "settings": {...}, "size": [w, h]}: {"image": base64 PNG}, black lines on white."""
    size = body.get("size")
    if size is not None and (not isinstance(size, list) or len(size) != 2):
        raise ColorizeError(f"size: found {size!r}, expected [width, height]")
    values = body.get("settings") or {}
    if not isinstance(values, dict):
        raise ColorizeError(f"settings: found {type(values).__name__}, expected an object of names and values")
    canvas = None if size is None else (size[0], size[1])
    image = preview(host, body.get("image"), JobSettings.from_values(values), canvas)
    out = io.BytesIO()
    image.save(out, "PNG")
    return {"image": base64.b64encode(out.getvalue()).decode()}

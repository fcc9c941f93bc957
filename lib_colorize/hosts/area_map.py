"""The areas of a coloured picture, as the page's canvas asks for them, so that a click can colour one at once."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from ..errors import ColorizeError, shortened
from ..finishing.area_map import area_map
from .finishing_requests import png_text, read_finishing
from .host import Host
from .palette_values import decode_palette

VIEW, LEAST, MOST = 1280, 64, 4096  # px of the longer side of what comes back


def areas_answer(host: Host, body: Mapping[str, Any]) -> dict[str, Any]:
    """POST areas: what `finishing.area_map.AreaMap` holds, as JSON; "runs" is base64 of little-endian 32-bit numbers.

    "colours" and "groups" begin with area 1; "palette": the colours of a palette that was sent, "#rrggbb".
    """
    side = _side(body.get("view"))
    palette = decode_palette(host, body.get("palette"))
    request = read_finishing(host, body, ("view", "palette"))
    found = area_map(request.drawing, request.finished, side)
    height, width = request.drawing.shape[:2]
    return {"width": width, "height": height, "view": list(found.below.size), "areas": len(found.usual) - 1,
            "below": png_text(found.below), "lines": png_text(found.lines), "drawing": png_text(found.drawing),
            "runs": base64.b64encode(found.runs.tobytes()).decode(),
            "colours": ["#" + bytes(colour).hex() for colour in found.usual[1:].tolist()],
            "groups": found.groups[1:].tolist(), "palette": ["#" + bytes(colour).hex() for colour in palette]}


def _side(value: Any) -> int:
    if value is None:
        return VIEW
    if type(value) not in (int, float) or not LEAST <= value <= MOST or value != int(value):
        raise ColorizeError(f"view: found {shortened(value)}, expected a whole number of pixels, {LEAST} to {MOST}")
    return int(value)

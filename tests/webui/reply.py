"""What a host answered: status, JSON, pictures, infotext."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Reply:
    """One HTTP answer."""

    status: int
    body: Any  # parsed JSON, or the text where it is none

    @classmethod
    def of(cls, status: int, content: bytes) -> Reply:
        try:
            return cls(status, json.loads(content))
        except ValueError:
            return cls(status, content.decode(errors="replace"))

    @property
    def message(self) -> str:
        """All that the JSON says of an error, as one text; empty when it is none."""
        if self.status < 400:
            return ""
        if not isinstance(self.body, dict):
            return str(self.body)
        return " | ".join(str(self.body[key]) for key in ("error", "errors", "detail", "message", "body")
                          if self.body.get(key))

    @property
    def encoded(self) -> list[str]:
        """The pictures as base64."""
        assert self.status == 200, f"{self.status}: {self.message}"
        return list(self.body["images"])

    @property
    def images(self) -> list[Image.Image]:
        return [decode(text) for text in self.encoded]

    @property
    def image(self) -> Image.Image:
        """The only picture."""
        (picture,) = self.images
        return picture

    @property
    def info(self) -> dict[str, Any]:
        return dict(json.loads(self.body["info"]))

    @property
    def infotext(self) -> str:
        return str(self.info["infotexts"][0])

    @property
    def md5(self) -> str:
        """Of the pixels of all pictures."""
        digest = hashlib.md5()
        for picture in self.images:
            digest.update(repr((picture.mode, picture.size)).encode() + picture.tobytes())
        return digest.hexdigest()


def decode(text: str) -> Image.Image:
    picture = Image.open(io.BytesIO(base64.b64decode(text.split(",", 1)[-1])))
    picture.load()
    return picture


def encode(picture: Image.Image) -> str:
    """Base64 of a PNG."""
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


def difference(one: Image.Image, other: Image.Image) -> int:
    """The largest difference of any pixel, of 255."""
    assert one.size == other.size, (one.size, other.size)
    a, b = (np.asarray(picture.convert("RGB")).astype(int) for picture in (one, other))
    return int(np.abs(a - b).max())


def spread(picture: Image.Image) -> float:
    """Standard deviation of the pixels: 0 for a blank picture."""
    return float(np.asarray(picture.convert("RGB")).std())

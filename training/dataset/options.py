"""How samples are chosen and changed: the part of a recipe that is about data."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from lib_colorize.errors import ColorizeError

CROPS = ("random", "centre", "squash")


@dataclass(frozen=True)
class DataOptions:
    """Defaults are the paper's where it says something: shared pre-processing, centre crop of the sketch alone."""

    resolution: int = 512  # px; side of the square, or with buckets the root of their area
    buckets: bool = False  # aspect buckets; False = one square
    bucket_step: int = 64  # px; sides of buckets are multiples of it
    max_aspect: float = 2.0  # of a bucket; pictures beyond it are cropped more
    crop: str = "random"  # where the excess is cut off: "random", "centre"; "squash" = nothing cut, aspect given up
    zoom: float = 1.0  # the picture is first enlarged by up to so much beyond what covers the bucket
    flip: bool = True  # half of the samples, sketch and picture alike
    rotate: float = 0.0  # degrees; by up to so much either way, white where nothing was
    rotate_rate: float = 1 / 6  # share of samples that are rotated (the released trainer's)
    jitter: float = 0.0  # brightness, contrast and saturation of the picture times 1 +- so much
    white_background: float = 0.0  # share of samples whose background, where mask/ has one, becomes paper in both
    max_margin: int = 64  # px, centre crop of the sketch alone (section 4.1), at most this off each side
    margin_rate: float = 0.5  # share of samples that lose margins, per axis (1/2: the released trainer's four modes)
    where: tuple[str, ...] = ()  # filters on the index, all must hold: "score>=10", "tags!=monochrome", "width>=512"

    def __post_init__(self) -> None:
        object.__setattr__(self, "where", tuple(self.where))
        _require("crop", self.crop, self.crop in CROPS, " or ".join(CROPS))
        _require("resolution", self.resolution, self.resolution >= 8, "at least 8 px")
        _require("bucket_step", self.bucket_step, self.bucket_step >= 8, "at least 8 px")
        if self.buckets:
            _require("resolution", self.resolution, self.resolution % self.bucket_step == 0,
                     f"a multiple of bucket_step = {self.bucket_step}")
        _require("max_aspect", self.max_aspect, math.isfinite(self.max_aspect) and self.max_aspect >= 1, "at least 1")
        _require("zoom", self.zoom, 1 <= self.zoom <= 8, "1 to 8")
        _require("rotate", self.rotate, 0 <= self.rotate <= 180, "0 to 180 degrees")
        _require("jitter", self.jitter, 0 <= self.jitter <= 1, "0 to 1")
        _require("max_margin", self.max_margin, self.max_margin >= 0, "0 px or more")
        for name in ("rotate_rate", "white_background", "margin_rate"):
            _require(name, getattr(self, name), 0 <= getattr(self, name) <= 1, "0 to 1")

    def cached(self) -> tuple[DataOptions, list[str]]:
        """The options that hold with a cache, and which augmentations it takes away (in words).

        Flips, margins and windows stay. Everything else changes the picture before it is encoded.
        """
        off = [name for name in ("zoom", "rotate", "jitter", "white_background")
               if getattr(self, name) != getattr(DataOptions, name)]
        kept = replace(self, zoom=1.0, rotate=0.0, jitter=0.0, white_background=0.0)
        return (replace(kept, crop="centre"), ["random crop", *off]) if self.crop == "random" else (kept, off)


def _require(name: str, value: Any, holds: bool, expected: str) -> None:
    if not holds:
        raise ColorizeError(f"data.{name}: found {value!r}, expected {expected}")

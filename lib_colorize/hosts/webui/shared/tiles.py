"""Scripts that paint a picture in parts: which part of the whole a call of img2img shows, as far as that is certain.

Two kinds are known. Some have the host split the whole (`images.split_grid`, as SD upscale does) and hand over the
very tiles that it gave. Others hand over the whole with a mask, to be painted at full resolution (Ultimate SD
Upscale); where their part lies the host itself works out.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from ....errors import ColorizeError
from ....pictures.framing import Box

PARTS = "colorize_parts"  # on a processing object: the part of each of its pictures
SIDE, ALIKE = 32, 0.9  # pixels of a thumbnail; correlation above which two show the same


@dataclass(frozen=True)
class PaintedPart:
    """box: within a picture of size `of`, which shows the whole."""

    box: Box
    of: tuple[int, int]


@dataclass
class ScriptRun:
    """One run of a script of the host's list. whole, mask: img2img's own, as the script found them."""

    title: str
    whole: Image.Image | None
    mask: Any = None
    grids: list[tuple[Image.Image, list[tuple[Image.Image, PaintedPart]]]] = field(default_factory=list)
    results: tuple[Any, ...] = ()  # of the last picture

    def add_grid(self, image: Image.Image, grid: Any) -> None:
        """The host has split `image` for the script."""
        found = [(tile, PaintedPart((x, y, x + width, y + height), image.size))
                 for y, height, row in grid.tiles for x, width, tile in row]
        self.grids = [(image, found)]  # the last alone: pictures are large

    def parts(self, pictures: Sequence[Any]) -> tuple[PaintedPart, ...]:
        """The part that each picture is; none when they are no tiles of a grid. ColorizeError when not certain."""
        for image, tiles in self.grids:
            found = [next((part for tile, part in tiles if tile is picture), None) for picture in pictures]
            if found and all(found):
                if not self._shows_the_whole(image):
                    raise self._uncertain()
                return tuple(part for part in found if part is not None)
        return ()

    def require_whole(self, pictures: Sequence[Any]) -> None:
        """ColorizeError when a picture may be a part of what the sketch shows, or more than that."""
        known = (self.whole, *self.results)
        if not all(any(picture is other for other in known) or self._shows_the_whole(picture) for picture in pictures):
            raise self._uncertain()

    def _shows_the_whole(self, picture: Any) -> bool:
        return isinstance(picture, Image.Image) and self.whole is not None and shows_the_same(picture, self.whole)

    def _uncertain(self) -> ColorizeError:
        return ColorizeError(f"the script {self.title} changes what img2img's picture shows, so that the part of the "
                             "sketch that belongs there is not known; choose no script, or one that splits the picture "
                             "as SD upscale or Ultimate SD Upscale do")


OWN_WAY = ("img2img alternative",)  # how the titles of scripts begin that sample without asking anybody
RUNNING: ContextVar[ScriptRun | None] = ContextVar("colorize_script", default=None)


def require_own_sampling() -> None:
    """ColorizeError when the script that runs is known to sample in a way of its own."""
    running = RUNNING.get()
    if running is not None and running.title.lower().startswith(OWN_WAY):
        raise sampled_past_us()


def sampled_past_us() -> ColorizeError:
    """For a picture that came out of the sampler without ever having been shown anything of a job."""
    running = RUNNING.get()
    by = f"the script {running.title}" if running else "another extension"
    return ColorizeError(f"{by} samples in a way of its own, past ColorizeDiffusion, so nothing was coloured; switch "
                         "it off, or ColorizeDiffusion")


def painted_in_parts(p: Any, has_sketch: bool) -> str:
    """The script that lets this call paint a part of its picture alone, noted on `p`; "" when none does.

    has_sketch: whether the request has a sketch of its own, which then must be that of the whole. ColorizeError when
    the part is not certain.
    """
    vars(p).pop(PARTS, None)
    running, pictures = RUNNING.get(), getattr(p, "init_images", None) or ()
    if running is None or not pictures:
        return ""
    parts = running.parts(pictures)
    if parts:
        setattr(p, PARTS, parts)
        return running.title
    mask = p.image_mask if getattr(p, "inpaint_full_res", False) else None
    masked = mask is not None and mask is not running.mask
    if masked or has_sketch:
        running.require_whole(pictures)
    return running.title if masked else ""


def shows_the_same(one: Image.Image, other: Image.Image) -> bool:
    """Whether two pictures of any sizes show the same over their whole surfaces."""
    a, b = (_thumbnail(picture) for picture in (one, other))
    blank = [picture.std() < 1 for picture in (a, b)]
    if any(blank):  # of one colour all over: only the shape tells
        return all(blank) and abs(one.width * other.height / (one.height * other.width) - 1) < 0.02
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1]) > ALIKE


def _thumbnail(picture: Image.Image) -> np.ndarray:
    paper = Image.new("RGBA", picture.size, "white")
    flat = Image.alpha_composite(paper, picture.convert("RGBA")).convert("L")
    return np.asarray(flat.resize((SIDE, SIDE), Image.Resampling.BOX)).astype(np.float64)

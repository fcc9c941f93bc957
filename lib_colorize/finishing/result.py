"""A model's picture of a sketch -> the picture that is wanted: its size, hints and palette, the sketch's own lines."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from functools import cached_property

from PIL import Image

from ..method.finish_settings import Enlarge, ResultSize
from ..method.mask_settings import Backdrop
from ..method.settings import Settings
from ..pictures.backdrop import backdrop_colour, on_backdrop
from ..pictures.canvas import letterbox_placement
from ..pictures.extras import Extras
from ..pictures.fitting import Box
from ..pictures.opened_page import OpenedPage
from .divided import DividedDrawing
from .drawing import check_scan_size, drawing_on_white
from .finished import Finished
from .hints import strokes
from .touch_up import touched_up


def touches(extras: Extras) -> bool:
    """Whether areas are to be put right."""
    return extras.hints is not None or bool(extras.palette)


def at_sketch_size(settings: Settings, extras: Extras) -> bool:
    """Whether the result has the sketch's own size.

    A wanted size (settings.width) is the result's too, but for `sketch`: then it says only how large the model paints.
    """
    if settings.result_size is not ResultSize.AUTO:
        return settings.result_size is ResultSize.SKETCH
    return not settings.width and (settings.line_overlay > 0 or touches(extras))


def snaps(settings: Settings, extras: Extras) -> bool:
    """Whether the sketch's lines are laid over here, on colours that stop at them; else `overlay_lines` lays them.

    A picture of a wanted size is not enlarged: with nothing but an overlay it stays what the model made, under lines.
    """
    if settings.enlarge is not Enlarge.SNAP:
        return False
    return at_sketch_size(settings, extras) or touches(extras) or (settings.line_overlay > 0 and not settings.width)


def on_plain_colour(finished: Finished, settings: Settings) -> Finished:
    """A picture that was cut out, on the plain colour that is wanted, if one is."""
    plain = settings.backdrop is Backdrop.PLAIN
    return finished.on_colour(backdrop_colour(settings.backdrop_colour)) if plain else finished


@dataclass(frozen=True)
class FinishedResult:
    """image: as it is wanted; `finished`: the same at the sketch's own size, for layers; made when it is asked for."""

    image: Image.Image
    make: Callable[[], Finished]

    @cached_property
    def finished(self) -> Finished:
        return self.make()


def finish_result(picture: Image.Image, page: OpenedPage, settings: Settings, extras: Extras) -> FinishedResult:
    """One picture; see `Finishing`."""
    return Finishing(page, settings, extras).of(picture)


class Finishing:
    """What all pictures of one sketch share: its areas are found once, when they are first needed."""

    def __init__(self, page: OpenedPage, settings: Settings, extras: Extras) -> None:
        """page: the opened sketch, of which all is finished; extras: hints and palette, over the sketch as it came.

        ColorizeError for hints of another size or without a stroke on paper, and for a sketch that is too large:
        before any picture is made.
        """
        self.page, self.settings, self.palette = page.whole(), settings, extras.palette
        self.touches, self.snaps = touches(extras), snaps(settings, extras)
        self.at_sketch_size = at_sketch_size(settings, extras)
        self.own_lines_go = settings.line_overlay > 0 or settings.result_size is ResultSize.SKETCH  # at any size
        self.hints = None if extras.hints is None else self._followed(extras.hints)
        if self.snaps or self.touches or self.at_sketch_size:
            check_scan_size(self.page.sketch.size)
        if self.hints is not None:
            strokes(self.hints, self.divided.drawing, self.divided.ink, self.divided.labels, self.page.sketch)

    @cached_property
    def divided(self) -> DividedDrawing:
        """The drawing and its areas."""
        return DividedDrawing.of(drawing_on_white(self.page.sketch, self.settings), self.settings.gap / 100)

    def at_its_own_size(self) -> Finishing:
        """The same areas, for pictures that keep their size."""
        if self.touches:
            assert self.divided  # found before it is shared
        other = copy(self)
        other.at_sketch_size = False
        return other

    def of(self, picture: Image.Image) -> FinishedResult:
        """picture: of the page's shape, or of a wanted size with the drawing in its middle; RGB, or RGBA cut out.

        Where `snaps` says so it is without an overlay, else with the one that is wanted. With nothing asked for the
        result is the picture itself, bit for bit.
        """
        if not (self.snaps or self.touches):
            image = self._plain(picture) if self.at_sketch_size else picture
            return FinishedResult(on_backdrop(image, self.settings), lambda: self.finished(picture))
        found = FinishedResult(picture, lambda: self.finished(picture))
        image = found.finished.picture()
        if not self.at_sketch_size:
            image = self._made_smaller(image, picture)
        return FinishedResult(image, lambda: found.finished)

    def finished(self, picture: Image.Image) -> Finished:
        """The picture at the sketch's own size, touched up, under the sketch's lines."""
        cut = picture.crop(self.place(picture))
        if self.settings.enlarge is Enlarge.PLAIN:
            cut = self._plain(cut)
        carry = self.divided.carried if self.snaps and self.own_lines_go else self.divided.finished
        painted = cut.convert("RGB")
        finished = carry(painted)
        overlay = self.settings.line_overlay
        faded = finished.faded(overlay, painted) if self.snaps and 0 < overlay < 1 else None  # by colours as painted
        if self.touches:
            finished, _ = touched_up(finished, self.divided.drawing, self.hints, self.palette,
                                     self.settings.palette_limit, self.page.sketch)
        if faded is not None:
            finished = finished.with_ink(faded)
        if cut.mode == "RGBA":
            finished = finished.cut_out(cut.getchannel("A"))
        return on_plain_colour(finished, self.settings)

    def _followed(self, hints: Image.Image) -> Image.Image:
        """Hints that were drawn over the sketch as it came, over what is looked at."""
        return hints if hints.size == self.page.size else self.page.follow(hints, "the picture of hints")

    def place(self, picture: Image.Image) -> Box:
        """Where the drawing lies in the picture: in the middle of a wanted size (`letterbox`), else all of it."""
        if not self.settings.width:
            return (0, 0, *picture.size)
        return letterbox_placement(self.page.size, *picture.size).box

    def _plain(self, picture: Image.Image) -> Image.Image:
        """Enlarged to the sketch's size."""
        cut = picture.crop(self.place(picture)) if self.settings.width else picture
        size = self.page.size
        return cut if cut.size == size else cut.resize(size, Image.Resampling.LANCZOS)

    def _made_smaller(self, image: Image.Image, picture: Image.Image) -> Image.Image:
        """The finished picture at the size that the model painted, in its place there."""
        left, top, right, bottom = self.place(picture)
        small = image.resize((right - left, bottom - top), Image.Resampling.LANCZOS)
        if small.size == picture.size:
            return small
        whole = on_backdrop(picture, self.settings)
        whole = whole.convert(small.mode) if whole.mode != small.mode else whole.copy()
        whole.paste(small, (left, top))
        return whole

"""A host's decoded picture -> the picture that is wanted: cut to its sketch, finished, on its background."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image

from ..errors import ColorizeError
from ..finishing.result import FinishedResult, Finishing, touches
from ..method.finish_settings import ResultSize
from ..pictures.backdrop import cut_out, on_backdrop
from ..pictures.canvas import Placement, letterbox_placement, resize_lines
from ..pictures.extras import Extras
from ..pictures.framing import Box, Fit, Frame
from ..pictures.images import line_drawing
from ..pictures.mask_canvas import lay_mask
from ..pictures.masks import mask_picture
from ..pictures.opened_page import OpenedPage
from ..pictures.overlay import multiply_lines, overlay_lines
from .host_run import HostRun
from .settings import JobSettings, LayerFile
from .sizes import sketch_box

STRETCHED = 0.01  # by which the ratio of sides may differ from the sketch's: a canvas is rounded


def require_whole_sketch(settings: JobSettings, extras: Extras, run: HostRun) -> None:
    """ColorizeError for what is made of a sketch's areas where the program's picture is not just that sketch."""
    asked = {"result size sketch": settings.result_size is ResultSize.SKETCH, "hints": extras.hints is not None,
             "a palette": bool(extras.palette), "layers": settings.layers is not LayerFile.NONE}
    wanted = ", ".join(name for name, is_asked in asked.items() if is_asked)
    if wanted and run.partial:
        raise ColorizeError(f"{wanted}: not to be had here, {run.partial}; leave that out, or finish the picture later "
                            "(API: POST layers, touch-up)")


class Results:
    """Of one job. The areas of a sketch are found once, for all its pictures."""

    def __init__(
        self, settings: JobSettings, extras: Extras, pages: Sequence[OpenedPage], figures: Sequence[Image.Image],
        placements: Sequence[Placement],
    ) -> None:
        """ColorizeError for hints or a sketch that cannot be used."""
        self.settings, self.pages, self.figures, self.placements = settings, pages, figures, placements
        self.touches = touches(extras)
        self._finishing = tuple(Finishing(page, settings, extras) for page in pages)

    def of(self, image: Image.Image, index: int, frame: Frame) -> FinishedResult:
        """image: of the run whose sketch lay as `frame` says. ColorizeError for what cannot be finished.

        A picture of a size that the user has asked for (sliders, hires fix) keeps it, unless the sketch's is wanted.
        """
        finishing, box = self._finishing[index % len(self._finishing)], self._box(image.size, index, frame)
        part = _unstretched(image.crop(box), self._page(index).sketch.size)
        if self._follows_sketch(image.size, index) or self.settings.result_size is ResultSize.SKETCH:
            return finishing.of(self._on_page(part, index, overlay=not finishing.snaps))
        plain = on_backdrop(self._page(index).put_back(self._lined(image, index, frame)), self.settings)
        if not self.touches:
            return FinishedResult(plain, lambda: finishing.finished(self._on_page(part, index)))
        touched = finishing.at_its_own_size().of(self._on_page(part, index))
        place = (0, 0, *plain.size) if self.placements else box
        return FinishedResult(_laid(touched.image, plain, place), lambda: touched.finished)

    def plain(self, image: Image.Image, index: int, frame: Frame) -> Image.Image:
        """The model's own picture in its place on the page, with nothing over it."""
        part = image.crop(self._box(image.size, index, frame)) if self.placements else image
        return self._page(index).put_back(part)

    def _follows_sketch(self, size: tuple[int, int], index: int) -> bool:
        """Whether a result has the size of the canvas that follows the sketch."""
        place = self.placements[index % len(self.placements)] if self.placements else None
        return place is not None and size == (place.canvas_width, place.canvas_height)

    def _page(self, index: int) -> OpenedPage:
        return self.pages[index % len(self.pages)]

    def _figure(self, index: int) -> Image.Image | None:
        return self.figures[index % len(self.figures)] if self.figures else None

    def _on_page(self, part: Image.Image, index: int, overlay: bool = False) -> Image.Image:
        """A coloured sketch, its figure alone where that is asked for, in its place on the page."""
        page = self._page(index)
        lined = overlay_lines(part, page.sketch, self.settings) if overlay else part
        return page.put_back(cut_out(lined, self._figure(index)))

    def _box(self, size: tuple[int, int], index: int, frame: Frame) -> Box:
        """Where the sketch lies in a result of that size."""
        if self.placements:
            return sketch_box(size, frame, self.placements[index % len(self.placements)])
        if frame.fit is not Fit.FILL:
            return (0, 0, *size)
        x, y = size[0] / frame.width, size[1] / frame.height
        left, top, right, bottom = letterbox_placement(self._page(index).sketch.size, frame.width, frame.height).box
        return round(left * x), round(top * y), round(right * x), round(bottom * y)

    def _lined(self, image: Image.Image, index: int, frame: Frame) -> Image.Image:
        """A picture of a size that the user has asked for, with the sketch's lines at that size."""
        sketch, figure = self._page(index).sketch, self._figure(index)
        place = self.placements[index % len(self.placements)] if self.placements else None
        left, top, right, bottom = box = (0, 0, *image.size) if place is None else sketch_box(image.size, frame, place)
        cut = image if place is None else image.crop(box)
        if self.settings.line_overlay:
            lines = resize_lines(frame.place(line_drawing(sketch, self.settings)), image.height, image.width)
            cut = multiply_lines(cut, lines[..., top:bottom, left:right], self.settings.line_overlay)
        if figure is not None and (place is None or frame.cut is not None):  # else the picture is the whole drawing
            laid = resize_lines(lay_mask(figure, frame.place), image.height, image.width)
            figure = mask_picture(laid[0, 0, top:bottom, left:right].clamp(0, 1), cut.size)
        return cut_out(cut, figure)


def _unstretched(part: Image.Image, sketch: tuple[int, int]) -> Image.Image:
    """In the sketch's own shape, as many pixels as it has."""
    if abs(part.width * sketch[1] / (part.height * sketch[0]) - 1) <= STRETCHED:
        return part
    scale = math.sqrt(part.width * part.height / (sketch[0] * sketch[1]))
    return part.resize((max(1, round(sketch[0] * scale)), max(1, round(sketch[1] * scale))), Image.Resampling.LANCZOS)


def _laid(finished: Image.Image, picture: Image.Image, box: Box) -> Image.Image:
    """The finished sketch in its place in a picture of a size that is asked for."""
    left, top, right, bottom = box
    size = (right - left, bottom - top)
    small = finished if finished.size == size else finished.resize(size, Image.Resampling.LANCZOS)
    if size == picture.size:
        return small
    laid = picture.convert(small.mode) if picture.mode != small.mode else picture.copy()
    laid.paste(small, (left, top))
    return laid

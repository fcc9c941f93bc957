"""What of a job's pictures is looked at: the sheet of a photo, the drawing of a page, a reference without its margins.

It stands before everything else, so that reading, masks and canvases see ordinary pictures; the result goes back last.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from PIL import Image
from torch import Tensor

from ..errors import ColorizeError
from ..method.reading_settings import ConstructionPencil
from ..method.settings import Settings
from .extras import NO_EXTRAS, Extras
from .fitting import Box, DrawnPlace, drawing_on, on_its_page
from .margins import with_margin
from .off_the_page import off_the_page
from .pencil import without_pencil
from .sheet import Sheet, in_even_light, sheet_of
from .trimming import trimmed_box

LEAST = 32  # pixels, either side of a place on a page: with fewer there is nothing to make larger


@dataclass(frozen=True)
class OpenedPage:
    """sketch: what is read from now on, the very picture that came where nothing was to be done.

    size: (width, height) of the page, the sheet of a photo or the whole picture; box: where on it the sketch lies,
    None = all of it; told: what was done, a few words for each. page: all of it, as it is looked at.
    """

    sketch: Image.Image
    came: tuple[int, int]
    size: tuple[int, int]
    sheet: Sheet | None = None
    box: Box | None = None
    told: tuple[str, ...] = ()
    page: Image.Image | None = None

    def whole(self) -> OpenedPage:
        """The same page, of which all is looked at. It is asked of pages that `open_page` gave."""
        return self if self.box is None or self.page is None else replace(self, sketch=self.page, box=None, told=())

    def follow(self, picture: Image.Image, what: str) -> Image.Image:
        """A mask or a region over the sketch as it came -> the same over `sketch`. ColorizeError for another shape."""
        if self.sheet is None and self.box is None:
            return picture
        if picture.size != self.came:
            raise ColorizeError(f"{what} has {picture.width}x{picture.height} pixels, expected the sketch's own "
                                f"{self.came[0]}x{self.came[1]}; draw it over that picture")
        straight = picture if self.sheet is None else self.sheet.straightened(picture)
        return straight if self.box is None else straight.crop(self.box)

    def drawn_over(self, picture: Image.Image, what: str) -> Image.Image:
        """As `follow`, of a picture of the size that the sketch came in; one of another size is over `sketch` already.
        """
        return self.follow(picture, what) if picture.size == self.came else picture

    def extras(self, extras: Extras) -> Extras:
        """The further pictures of a job, those over the sketch made to follow it."""
        def followed(picture: Image.Image | None, what: str) -> Image.Image | None:
            return None if picture is None else self.follow(picture, what)

        further = tuple(replace(each, region=followed(each.region, "the region of a reference"))
                        for each in extras.further)
        begun = None if extras.begun is None else self.cut(extras.begun)
        return replace(extras, begun=begun, further=further,
                       sketch_mask=followed(extras.sketch_mask, "the mask of the sketch"),
                       reference_region=followed(extras.reference_region, "the region of a reference"))

    def cut(self, picture: Image.Image) -> Image.Image:
        """What `put_back` laid on the page, out of a picture of the page's shape, at any size."""
        if self.box is None:
            return picture
        x, y = picture.width / self.size[0], picture.height / self.size[1]
        left, top, right, bottom = self.box
        return picture.crop((round(left * x), round(top * y), round(right * x), round(bottom * y)))

    def put_back(self, result: Image.Image) -> Image.Image:
        """A coloured `sketch`, RGB or RGBA, as a picture of the page's shape, on paper."""
        return result if self.box is None else on_its_page(result, self.box, self.size)


def open_page(sketch: Image.Image, settings: Settings) -> OpenedPage:
    """sketch: RGB or RGBA. A drawing is fitted only where its size is not asked for (settings.width)."""
    told, came, sheet = [], sketch.size, None
    if settings.photo:
        sheet = sheet_of(sketch)
    if sheet is not None:
        sketch = in_even_light(sheet.straightened(sketch))
        told.append("a sheet of paper found, straightened and evened out")
    if settings.construction_pencil is not ConstructionPencil.KEEP and sketch.mode == "RGB":
        clean = without_pencil(sketch, settings.construction_pencil)
        told.append(f"{settings.construction_pencil.value} pencil taken off" if clean is not sketch else
                    f"no {settings.construction_pencil.value} pencil found")
        sketch = clean
    sketch, lines, cleaned = off_the_page(sketch, settings)
    told += cleaned
    page, box = sketch, None
    drawing = None if lines is None or settings.width else _drawing_of(lines, sketch.size)
    if drawing is not None:
        box = drawing.box
        sketch = sketch.crop(box)
        told.append(f"the drawing takes {sketch.width}x{sketch.height} of a page of {page.width}x{page.height} and is "
                    "coloured alone")
        if drawing.writing:
            told.append("small marks by the page's edge left out, paper in the result")
    return OpenedPage(sketch, came, page.size, sheet, box, tuple(told), page)


def _drawing_of(lines: Tensor, size: tuple[int, int]) -> DrawnPlace | None:
    """Where on the page the drawing lies, in its pixels; None for all of it, or when there is no line."""
    drawing = drawing_on(lines, size)
    if drawing is None:
        return None
    left, top, right, bottom = drawing.box
    return drawing if min(right - left, bottom - top) >= LEAST else None


def open_reference(reference: Image.Image, settings: Settings) -> tuple[Image.Image, Box | None]:
    """A reference without its margins, and which part of it that is; None = all of it."""
    box = trimmed_box(reference) if settings.trim_reference else None
    return (reference, None) if box is None else (reference.crop(box), box)


def as_encoded(reference: Image.Image, settings: Settings) -> Image.Image:
    """A reference as its encoder is shown it: trimmed, then with its margins."""
    return with_margin(open_reference(reference, settings)[0], settings.reference_padding)


def open_references(
    reference: Image.Image | None, settings: Settings, extras: Extras = NO_EXTRAS,
) -> tuple[Image.Image | None, Extras, tuple[str, ...]]:
    """The reference and the further ones without their margins, a mask of it likewise, and what was done."""
    told: list[str] = []

    def cut(picture: Image.Image, what: str) -> tuple[Image.Image, Box | None]:
        seen, box = open_reference(picture, settings)
        if box is not None:
            told.append(f"{what}: margins left out, {seen.width}x{seen.height} of {picture.width}x{picture.height} "
                        "is looked at")
        return seen, box

    mask = extras.reference_mask
    if reference is not None:
        came = reference.size
        reference, box = cut(reference, "reference")
        if box is not None and mask is not None and mask.size == came:
            mask = mask.crop(box)
    further = tuple(replace(each, image=cut(each.image, f"reference {number}")[0])
                    for number, each in enumerate(extras.further, 2))
    return reference, replace(extras, reference_mask=mask, further=further), tuple(told)

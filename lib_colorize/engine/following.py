"""A frame that follows the last one: what its sampling begins from, and how the colours of its areas are kept."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from ..errors import ColorizeError
from ..finishing.carried import Carried, carry_along
from ..finishing.divided import DividedDrawing
from ..finishing.drawing import drawing_on_white
from ..finishing.result import Finishing
from ..method.finish_settings import Enlarge, ResultSize
from ..method.settings import Settings
from ..pictures.canvas import letterbox_placement
from ..pictures.extras import NO_EXTRAS, Extras, LastFrame
from ..pictures.opened_page import OpenedPage, open_page

WORK = 768  # px of the longer side, at which colours are carried along
LEAST = 0.05  # of the steps, that are taken however closely the last frame is followed
ANEW = "begun anew: another drawing than the last frame"
BEGUN = "begun from the last frame's colours"


@dataclass(frozen=True)
class Following:
    """The last frame's colours on a page."""

    carried: Carried
    page: OpenedPage

    @property
    def begun(self) -> Image.Image:
        """RGB, over the sketch that is looked at, of its shape."""
        return self.page.cut(Image.fromarray(self.carried.picture))

    def keep(self, picture: Image.Image, finishing: Finishing) -> Image.Image:
        """A picture of the page with the last frame's colours; finishing: says where on it the drawing lies."""
        place = finishing.place(picture)
        kept = self.carried.kept(picture.crop(place))
        if kept.size == picture.size:
            return kept
        whole = picture.copy()
        whole.paste(kept, place[:2])
        return whole


def follow(
    last: LastFrame | None, page: OpenedPage, settings: Settings,
) -> tuple[Following | None, tuple[str, ...]]:
    """What a frame on this page follows, and what is told of it.

    None: nothing is to be followed, it is another drawing, or a drawing without lines. ColorizeError for a last picture
    that is of another shape than its sketch.
    """
    if last is None or last.follow == 0:
        return None, ()
    carried = _carried(last, page, settings)
    return (None, (ANEW,)) if carried is None else (Following(carried, page), (BEGUN,))


def _carried(last: LastFrame, page: OpenedPage, settings: Settings) -> Carried | None:
    plain = settings.with_(line_overlay=0.0, result_size=ResultSize.AUTO, enlarge=Enlarge.SNAP)
    before = Finishing(_small(open_page(last.sketch, settings)), plain, NO_EXTRAS)
    try:
        ours = DividedDrawing.of(drawing_on_white(_small(page).sketch, settings), settings.gap / 100)
        before.divided  # noqa: B018 - found when first asked for
    except ColorizeError:  # no lines; this frame's own are missed where it is read
        return None
    return carry_along(before.finished(last.coloured), ours)


def in_frame(begun: Image.Image, settings: Settings) -> Image.Image:
    """What is begun from as the model's picture is to be: at a wanted size in its middle, on paper."""
    if not settings.width:
        return begun
    place = letterbox_placement(begun.size, settings.width, settings.height)
    frame = Image.new("RGB", (settings.width, settings.height), "white")
    frame.paste(begun.resize((place.width, place.height), Image.Resampling.BOX), place.box)
    return frame


def strength_of(extras: Extras) -> float | None:
    """The share of the steps that is taken from what is begun from; None = all, from noise alone."""
    return None if extras.begun is None or extras.last is None else max(LEAST, 1 - extras.last.follow)


def _small(page: OpenedPage) -> OpenedPage:
    """All of the page at WORK px, as its own opened page."""
    sketch = page.whole().sketch
    scale = min(1.0, WORK / max(sketch.size))
    size = (max(1, round(sketch.width * scale)), max(1, round(sketch.height * scale)))
    return OpenedPage(sketch if scale == 1 else sketch.resize(size, Image.Resampling.BOX), size, size)

"""A sketch and a coloured picture of it, as `layers` and `touch-up` are given them."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from ..errors import ColorizeError
from ..finishing.divided import DividedDrawing, require_shape
from ..finishing.drawing import drawing_on_white, page_under
from ..finishing.finished import Finished
from ..finishing.result import on_plain_colour
from ..method.finish_settings import Enlarge
from ..method.mask_settings import Backdrop
from ..method.settings import Settings
from ..pictures.backdrop import kept_figure
from ..pictures.extras import Extras
from ..pictures.masks import cut_away
from ..pictures.opened_page import OpenedPage
from ..pictures.picture_files import open_image
from .options import settings_of
from .progress import tell
from .result_file import read_record

OWN_LINES = ("the picture was enlarged with the model's own lines (--enlarge plain): what the overlay does not cover "
             "of them stays in the colours; made again without --enlarge plain it has none")


@dataclass(frozen=True)
class ColouredPair:
    """page: the sketch as it lies under the coloured picture; figure: grey, what is not put behind; None = all."""

    page: OpenedPage
    coloured: Image.Image
    settings: Settings
    figure: Image.Image | None = None

    @classmethod
    def read(cls, args: argparse.Namespace) -> ColouredPair:
        """The pictures that are named; ColorizeError for what cannot be finished. Tells of lines that will stay."""
        settings, path = settings_of(args), Path(args.coloured)
        if args.sketch_mask is not None and settings.backdrop is Backdrop.AS_GIVEN:
            raise ColorizeError("--sketch-mask: says which figure stays, and nothing is taken away; give --backdrop "
                                "transparent or plain too, or leave it out")
        coloured = open_image(path)
        page = page_under(open_image(Path(args.sketch)), coloured, settings)
        require_shape(coloured.size, page.sketch.size)
        mask = None if args.sketch_mask is None else page.follow(open_image(Path(args.sketch_mask)), "the mask")
        found = kept_figure(page.sketch, Extras(sketch_mask=mask), settings)
        if coloured.size == page.sketch.size and shows_own_lines(path):
            tell(f"note: {OWN_LINES}")
        if found is not None and cut_away(found):
            tell(f"note: {cut_away(found)}")
        return cls(page, coloured, settings, None if found is None else found.image)

    def divided(self) -> DividedDrawing:
        """The drawing and its areas."""
        return DividedDrawing.of(drawing_on_white(self.page.sketch, self.settings), self.settings.gap / 100)

    def finished(self, divided: DividedDrawing | None = None) -> Finished:
        """divided: of `divided`, made where it is not given."""
        found = (divided or self.divided()).finished(self.coloured)
        return found if self.figure is None else on_plain_colour(found.cut_out(self.figure), self.settings)


def shows_own_lines(path: Path) -> bool:
    """Whether a picture of ours has the model's own lines beneath those of the sketch."""
    try:
        settings = read_record(path).settings
    except ColorizeError:  # another program's
        return False
    return settings.line_overlay > 0 and settings.enlarge is Enlarge.PLAIN

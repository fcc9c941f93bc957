"""The report of a folder as pictures: each sketch beside what was made of it, on pages of bounded size."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageDraw, PngImagePlugin

from ..console import one_line
from ..engine.contact_sheet import tile
from ..errors import ColorizeError
from ..pictures.picture_files import open_image
from ..whole_file import write_whole
from .label_font import write_label
from .outcome import SketchOutcome, State
from .png import SIGNATURE, find_text

KEY = "ColorizeDiffusion contact sheet"  # keyword of a text in each page: a newer one may take its place
SIDE, GAP, LINE = 176, 10, 16  # px: of a picture's square, between them, of a line of text
COLUMNS, ROWS = 4, 6
WIDE, HIGH = 2 * SIDE + GAP // 2, SIDE + 2 * LINE  # of a sketch with its picture and their names
GREY = {State.WRITTEN: "black", State.BEFORE: "#555555", State.PASSED_OVER: "#b00020", State.NOT_REACHED: "#888888"}


def page_path(path: Path, number: int) -> Path:
    """SHEET.png, SHEET-2.png, SHEET-3.png, ..."""
    return path if number == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")


def sheet_count(count: int) -> int:
    """How many pages so many pictures take."""
    return max(1, -(-count // (COLUMNS * ROWS)))


class SheetPages:
    """A page is written when it is full, and the last one at the end; only the page at work is held."""

    def __init__(self, path: Path, folder: Path) -> None:
        """folder: of the sketches, whose names are told below it."""
        self._path, self._folder = path, folder
        self._number, self._filled = 1, 0
        self._page = _blank()

    def add(self, outcome: SketchOutcome) -> None:
        """Its sketch with each of its pictures, or with the reason why there is none."""
        sketch = _opened(outcome.sketch)
        for picture in outcome.pictures or (None,):
            if self._filled == COLUMNS * ROWS:
                self.write()
                self._number, self._filled, self._page = self._number + 1, 0, _blank()
            row, column = divmod(self._filled, COLUMNS)
            at = (GAP + column * (WIDE + 2 * GAP), GAP + row * (HIGH + GAP))
            self._lay(at, outcome, sketch, picture)
            self._filled += 1

    def write(self) -> None:
        """The page at work, cut to what is on it."""
        rows, columns = -(-self._filled // COLUMNS) or 1, min(self._filled, COLUMNS) or 1
        size = (columns * (WIDE + 2 * GAP), GAP + rows * (HIGH + GAP))
        text, file = PngImagePlugin.PngInfo(), io.BytesIO()
        text.add_itxt(KEY, f"page {self._number}")
        self._page.crop((0, 0, *size)).save(file, "PNG", pnginfo=text)
        write_whole(page_path(self._path, self._number), file.getvalue())

    def _lay(
        self, at: tuple[int, int], outcome: SketchOutcome, sketch: Image.Image | None, picture: Path | None,
    ) -> None:
        left, top = at
        draw = ImageDraw.Draw(self._page)
        made = None if picture is None else _opened(picture)
        for place, image in enumerate((sketch, made)):
            x = left + place * (SIDE + GAP // 2)
            if image is not None:
                self._page.paste(image, (x, top))
            draw.rectangle((x - 1, top - 1, x + SIDE, top + SIDE), outline="#cccccc")
        colour = GREY[outcome.state]
        write_label(draw, (left, top + SIDE + 2), one_line(self._told(outcome, picture)), WIDE, colour)
        below = outcome.message or ("" if outcome.reference is None else outcome.reference.name)
        write_label(draw, (left, top + SIDE + 2 + LINE), one_line(below), WIDE, colour)

    def _told(self, outcome: SketchOutcome, picture: Path | None) -> str:
        sketch = outcome.sketch
        name = str(sketch.relative_to(self._folder) if sketch.is_relative_to(self._folder) else sketch)
        if picture is None:
            return f"{name}: {outcome.state.value}"
        return name if len(outcome.pictures) == 1 else f"{name}: {picture.name}"


def require_replaceable(paths: Iterator[Path] | list[Path]) -> None:
    """ColorizeError for a file that is there and is no page of ours."""
    for path in paths:
        if os.path.lexists(path) and not is_page(path):
            raise ColorizeError(f"{path}: is there already, and is no contact sheet; name another file")


def is_page(path: Path) -> bool:
    """Whether a file is a page that this wrote."""
    try:
        with path.open("rb") as stream:
            return stream.read(len(SIGNATURE)) == SIGNATURE and find_text(stream, KEY) is not None
    except (OSError, ColorizeError):
        return False


def _blank() -> Image.Image:
    return Image.new("RGB", (COLUMNS * (WIDE + 2 * GAP), GAP + ROWS * (HIGH + GAP)), "white")


def _opened(path: Path) -> Image.Image | None:
    """As a square of SIDE; None for what is no picture, which its outcome says already."""
    try:
        return tile(open_image(path), SIDE)
    except (ColorizeError, MemoryError):
        return None

"""A font for names in any script: the system's, where it has one; else letters are written as their numbers."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from PIL import Image, ImageDraw, ImageFont

SIZE = 12  # px
LIKELY = (  # files that Pillow looks for where a system keeps its fonts; those of many scripts
    "DejaVuSans.ttf", "LiberationSans-Regular.ttf", "NotoSans-Regular.ttf", "segoeui.ttf", "arial.ttf", "Arial.ttf",
    "NotoSansCJK-Regular.ttc", "NotoSansJP-Regular.otf", "YuGothM.ttc", "YuGothR.ttc", "meiryo.ttc", "msgothic.ttc",
    "msyh.ttc", "malgun.ttf", "Nirmala.ttf", "LeelawUI.ttf", "ヒラギノ角ゴシック W3.ttc", "Hiragino Sans GB.ttc",
    "PingFang.ttc", "AppleSDGothicNeo.ttc", "Arial Unicode.ttf", "arialuni.ttf", "wqy-zenhei.ttc", "wqy-microhei.ttc",
    "DroidSansFallbackFull.ttf", "fonts-japanese-gothic.ttf", "ipag.ttf", "unifont.otf", "unifont.ttf")
NO_LETTER = "\U0010fffe"  # of no script: drawn as what stands for a missing one


def write_label(draw: ImageDraw.ImageDraw, at: tuple[int, int], text: str, width: int, fill: str = "black") -> None:
    """The text on one line of at most `width` px, its middle left out where it is longer."""
    font, text = font_for(text)
    if draw.textlength(text, font) > width:
        kept = len(text)
        while kept > 2 and draw.textlength(_shortened(text, kept), font) > width:
            kept -= 1
        text = _shortened(text, kept)
    draw.text(at, text, fill, font)


def font_for(text: str) -> tuple[Any, str]:
    """A font that has every letter, and the text as it is to be written in it."""
    needed = frozenset(letter for letter in text if not letter.isspace())
    for font in _fonts():
        if all(_has(font, letter) for letter in needed):
            return font, text
    return next(_fonts()), text.encode("ascii", "backslashreplace").decode()


def _shortened(text: str, kept: int) -> str:
    return f"{text[:kept - kept // 2]}..{text[len(text) - kept // 2:]}"


def _fonts() -> Iterator[Any]:
    """Pillow's own first."""
    yield _own()
    for name in LIKELY:
        if (font := _opened(name)) is not None:
            yield font


@functools.cache
def _own() -> Any:
    try:
        return ImageFont.load_default(SIZE)
    except TypeError:  # Pillow before 10.1: of one size
        return ImageFont.load_default()


@functools.cache
def _opened(name: str) -> Any:
    try:
        return ImageFont.truetype(name, SIZE)
    except (OSError, ValueError, ImportError):
        return None


@functools.lru_cache(maxsize=4096)
def _has(font: Any, letter: str) -> bool:
    """Whether it is drawn otherwise than what no font has."""
    try:
        drawn, missing = (_drawn(font, each) for each in (letter, NO_LETTER))
    except (UnicodeEncodeError, OSError, ValueError):  # Pillow's oldest font: Latin-1 alone
        return letter.isascii()
    return drawn != missing


def _drawn(font: Any, letter: str) -> tuple[object, bytes]:
    image = Image.new("L", (4 * SIZE, 4 * SIZE))
    ImageDraw.Draw(image).text((SIZE, SIZE), letter, 255, font)
    return font.getbbox(letter), image.tobytes()

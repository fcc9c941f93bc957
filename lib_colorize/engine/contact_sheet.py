"""Pictures side by side on one sheet."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont, ImageOps

TILE = 192  # pixels, side of the square that a picture is fitted into
GAP = 8
HEADER = 20
CHECKS = (255, 232)  # greys of the board behind a transparent picture


def contact_sheet(
    rows: Sequence[Sequence[Image.Image]], titles: Sequence[str] = (), wide_gap_every: int = 0,
) -> Image.Image:
    """RGB. rows: pictures of any size and mode; titles: one for each column, or none.

    wide_gap_every: so many columns belong together and stand apart from the next.
    """
    columns = max(len(row) for row in rows)
    wide_gaps = [i // wide_gap_every if wide_gap_every else 0 for i in range(columns)]  # left of each column
    lefts = [GAP + i * (TILE + GAP) + 3 * GAP * gaps for i, gaps in enumerate(wide_gaps)]
    top = HEADER if titles else 0
    sheet = Image.new("RGB", (lefts[-1] + TILE + GAP, top + GAP + len(rows) * (TILE + GAP)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default()
    for left, title in zip(lefts, titles):
        draw.text((left, GAP), title, fill="black", font=font)
    for y, row in enumerate(rows):
        for left, picture in zip(lefts, row):
            sheet.paste(tile(picture), (left, top + GAP + y * (TILE + GAP)))
    return sheet


def tile(picture: Image.Image) -> Image.Image:
    """The whole picture in the middle of a white square; a board shows through where it is transparent."""
    fitted = ImageOps.contain(picture.convert("RGBA"), (TILE, TILE), Image.Resampling.LANCZOS)
    board = Image.new("RGBA", fitted.size)
    for y in range(0, fitted.height, GAP):
        for x in range(0, fitted.width, GAP):
            board.paste((CHECKS[(x + y) // GAP % 2],) * 3, (x, y, x + GAP, y + GAP))
    board.alpha_composite(fitted)
    square = Image.new("RGB", (TILE, TILE), "white")
    square.paste(board.convert("RGB"), ((TILE - fitted.width) // 2, (TILE - fitted.height) // 2))
    return square

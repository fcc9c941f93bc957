"""Pictures side by side on one sheet, under titles, beside names, each with a caption, as wanted."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont, ImageOps

TILE = 192  # pixels, side of the square that a picture is fitted into
GAP = 8
HEADER = 20  # of titles
CAPTION = 20  # above each picture
NAME = 140  # left of a row
CHECKS = (255, 232)  # greys of the board behind a transparent picture


def contact_sheet(
    rows: Sequence[Sequence[Image.Image]], titles: Sequence[str] = (), wide_gap_every: int = 0, side: int = TILE,
    gap: int = GAP, names: Sequence[str] = (), captions: Sequence[Sequence[str]] = (),
) -> Image.Image:
    """RGB. rows: pictures of any size and mode, each fitted into a square of `side` pixels, `gap` apart.

    titles: one for each column; names: one for each row, \\n in it begins a new line; captions: one for each picture;
    wide_gap_every: so many columns belong together and stand apart from the next.
    """
    columns = max(len(row) for row in rows)
    wide_gaps = [i // wide_gap_every if wide_gap_every else 0 for i in range(columns)]  # left of each column
    lefts = [gap + bool(names) * NAME + i * (side + gap) + 3 * gap * gaps for i, gaps in enumerate(wide_gaps)]
    caption = CAPTION if captions else 0
    tops = [bool(titles) * HEADER + gap + i * (side + caption + gap) + caption for i in range(len(rows))]
    sheet = Image.new("RGB", (lefts[-1] + side + gap, tops[-1] + side + gap), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default()
    for left, title in zip(lefts, titles):
        draw.text((left, gap), title, fill="black", font=font)
    for top, name in zip(tops, names):
        draw.multiline_text((gap, top + side // 2 - 16), name, "black", font, spacing=4)
    for top, texts in zip(tops, captions):
        for left, text in zip(lefts, texts):
            draw.text((left, top - caption + 4), text, "black", font)
    for top, row in zip(tops, rows):
        for left, picture in zip(lefts, row):
            sheet.paste(tile(picture, side), (left, top))
    return sheet


def tile(picture: Image.Image, side: int = TILE) -> Image.Image:
    """The whole picture in the middle of a white square; a board shows through where it is transparent."""
    fitted = ImageOps.contain(picture.convert("RGBA"), (side, side), Image.Resampling.LANCZOS)
    board = Image.new("RGBA", fitted.size)
    for y in range(0, fitted.height, GAP):
        for x in range(0, fitted.width, GAP):
            board.paste((CHECKS[(x + y) // GAP % 2],) * 3, (x, y, x + GAP, y + GAP))
    board.alpha_composite(fitted)
    square = Image.new("RGB", (side, side), "white")
    square.paste(board.convert("RGB"), ((side - fitted.width) // 2, (side - fitted.height) // 2))
    return square

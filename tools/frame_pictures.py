"""docs/images/frames.png: frames of an avatar that turns, coloured with one seed each, with one for all, and following.

    python -m tools.frame_pictures
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from lib_colorize.cli.loading import DEFAULT_CHECKPOINT
from lib_colorize.console import take_any_text
from lib_colorize.engine.contact_sheet import contact_sheet
from lib_colorize.engine.engine import Engine
from lib_colorize.method.settings import Settings
from tools.finishing_check.frames import moving, ways
from training.small.drawings import avatar_drawings

ROOT = Path(__file__).parent.parent
CHOSEN, FRAMES, SHOWN = 3, 6, 150  # which avatar, how many of its frames, px of each


def main() -> None:
    """Make the sheet."""
    drawing = list(avatar_drawings(1))[CHOSEN]
    frames, reference = moving(drawing, CHOSEN)
    frames = frames[:2 * FRAMES:2]
    found = dict(ways(Engine.load(DEFAULT_CHECKPOINT, device="cpu"), frames, reference, CHOSEN, Settings().steps))
    rows: list[list[Image.Image]] = [[frame.sketch for frame in frames], *found.values()]
    sheet = contact_sheet(rows, side=SHOWN, gap=6, names=["sketches", *found])
    sheet.save(ROOT / "docs" / "images" / "frames.png", optimize=True)


if __name__ == "__main__":
    take_any_text()
    main()

"""The sheet of docs/figure-masks.md: masks as they are found, and what each way to treat the background does.

    python -m tools.mask_pictures [--out docs/images/masks.png]

With the shipped model, on the drawings and references of examples/; nothing is picked: seed 0, default settings but for
the one that a column is about.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image

from lib_colorize.console import take_any_text
from lib_colorize.engine.contact_sheet import contact_sheet
from lib_colorize.engine.engine import Engine
from lib_colorize.method.mask_settings import Backdrop
from lib_colorize.method.settings import Settings
from lib_colorize.pictures.extras import Extras
from lib_colorize.pictures.masks import reference_mask, sketch_mask
from tools.option_pictures import ROOT, example

EXAMPLES = (("dog", "rose", "sunrise"), ("cow", "phoenix", "purse"))  # sketch, reference, background picture
CELL = 160  # pixels


def masked_row(engine: Engine, sketch: Image.Image, reference: Image.Image, ground: Image.Image) -> list[Image.Image]:
    """The pictures of COLUMNS."""
    apart = Settings(background_enhance=True)

    def coloured(settings: Settings, extras: Extras = Extras()) -> Image.Image:  # noqa: B008 - frozen
        return engine.colorize(sketch, reference, settings, extras=extras)[0].image

    plain = Settings(backdrop=Backdrop.PLAIN, backdrop_colour="#a0c8ff")
    return [
        sketch, sketch_mask(sketch).image, reference, reference_mask(reference).image, coloured(Settings()),
        coloured(apart), ground, coloured(apart, Extras(background=ground)), coloured(plain),
        coloured(Settings(backdrop=Backdrop.TRANSPARENT)),
    ]


COLUMNS = ("sketch", "its mask", "reference", "its mask", "no mask", "apart", "background", "apart, with it", "plain",
           "transparent")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images" / "masks.png")
    args = parser.parse_args()
    engine = Engine.load(ROOT / "models" / "colorize-small.safetensors")
    rows = [masked_row(engine, *map(example, names)) for names in EXAMPLES]
    sheet = contact_sheet(rows, side=CELL, gap=6, names=[names[0] for names in EXAMPLES],
                          captions=[list(COLUMNS) for _ in rows])
    sheet.save(args.out, optimize=True)
    print(args.out)


if __name__ == "__main__":
    take_any_text()
    main()

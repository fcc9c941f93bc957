"""The sheets of docs/webui.md and troubleshooting.md: what each option does to an example, with the shipped model.

    python -m tools.option_pictures [--out docs/images] [--only presets]

Nothing is picked: the drawings and references of examples/, which the model has not seen, seed 0, default settings but
for the one option that a row is about.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from lib_colorize.console import take_any_text
from lib_colorize.engine.contact_sheet import contact_sheet
from lib_colorize.engine.engine import Engine
from lib_colorize.method.schedule import Prediction
from lib_colorize.method.settings import Settings
from lib_colorize.panel.presets import Intention, preset
from lib_colorize.pictures.images import line_drawing, to_image
from lib_colorize.pictures.lineart import EXTRACTORS
from lib_colorize.pictures.picture_files import open_image

ROOT = Path(__file__).parent.parent
CELL, GAP = 160, 6  # pixels
Picture = tuple[str, Image.Image]  # with what stands over it
Row = tuple[str, list[Picture]]
Sheets = Mapping[str, Callable[[Engine], list[Row]]]

PAIRS = (("dog", "sunrise"), ("wizard", "phoenix"), ("pickup", "purse"))
MAIN = {
    "reference_guidance": (1.0, 2.0, 3.0, 5.0, 8.0, 14.0),
    "reference_strength": (0.0, 0.4, 0.7, 1.0, 1.3, 1.7),
    "sketch_strength": (0.0, 0.4, 0.7, 1.0, 1.3, 1.7),
    "line_overlay": (0.0, 0.2, 0.4, 0.6, 0.8, 1.0),
}
ADVANCED = {
    "sketch_guidance": (1.0, 1.5, 2.0, 3.0, 5.0, 8.0),
    "semantics_strength": (0.0, 0.4, 0.7, 1.0, 1.3, 1.7),
    "colour_strength": (0.0, 0.4, 0.7, 1.0, 1.3, 1.7),
    "encoder_strength": (0.0, 0.4, 0.7, 1.0, 1.3, 1.7),
    "guidance_start": (0.0, 0.1, 0.2, 0.4, 0.6, 0.8),
    "guidance_end": (1.0, 0.8, 0.6, 0.4, 0.2, 0.1),
}


def example(name: str) -> Image.Image:
    """A sketch or a reference of examples/."""
    (path,) = (ROOT / "examples").glob(f"*/{name}.png")
    return open_image(path)


def option_sheet(rows: list[Row]) -> Image.Image:
    """Rows of captioned pictures, each with its name on the left; \\n in a name begins a new line."""
    return contact_sheet([[over_white(picture) for _, picture in pictures] for _, pictures in rows],
                         side=CELL, gap=GAP, names=[name for name, _ in rows],
                         captions=[[caption for caption, _ in pictures] for _, pictures in rows])


def over_white(picture: Image.Image) -> Image.Image:
    whole = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", whole.size, "white"), whole).convert("RGB")


def presets(engine: Engine) -> list[Row]:
    names = {Intention.SKETCH: "stick to the sketch", Intention.BALANCED: "balanced", Intention.STYLE: "strong style"}
    rows: list[Row] = []
    for sketch, reference in PAIRS:
        lines, colours = example(sketch), example(reference)
        made = [(name, engine.colorize(lines, colours, Settings(**preset(intention)))[0].image)
                for intention, name in names.items()]
        rows.append((f"{sketch}\nin the colours\nof {reference}", [("sketch", lines), ("reference", colours), *made]))
    return rows


def ladder(engine: Engine, name: str, values: tuple[float, ...], settings: Settings = Settings()) -> Row:  # noqa: B008
    """One option, from one value to the next."""
    (field,) = (field for field in fields(Settings) if field.name == name)
    lines, colours = example("dog"), example("sunrise")
    made = [(f"{value:g}{' (default)' if value == field.default else ''}",
             engine.colorize(lines, colours, settings.with_(**{name: value}))[0].image) for value in values]
    return field.metadata["label"], made


def main_options(engine: Engine) -> list[Row]:
    return [ladder(engine, name, values) for name, values in MAIN.items()]


def advanced_options(engine: Engine) -> list[Row]:
    return [ladder(engine, name, values) for name, values in ADVANCED.items()]


def drawings() -> dict[str, Image.Image]:
    """The same drawing as people have it; the photo and the pencil are made from it by arithmetic."""
    clean = example("dog").convert("L")
    grey = np.asarray(clean, dtype=float) / 255
    y, x = np.mgrid[0:1:grey.shape[0] * 1j, 0:1:grey.shape[1] * 1j]
    grain = np.random.default_rng(0).normal(0, 0.03, grey.shape)
    shade = np.clip(1 - 0.45 * (x + y) / 2, 0, 1)  # a lamp at the top left
    inside = np.asarray(example("phoenix").resize(clean.size).convert("L"), dtype=float) / 255
    transparent = Image.new("RGBA", clean.size, "black")
    transparent.putalpha(ImageOps.invert(clean))
    return {
        "clean lines": clean, "light on dark": ImageOps.invert(clean), "transparent": transparent,
        "photo of paper": Image.fromarray(np.uint8(255 * np.clip((0.35 + 0.5 * grey) * shade + grain, 0, 1))),
        "a coloured picture": Image.fromarray(np.uint8(255 * inside)),
    }


def line_options(engine: Engine) -> list[Row]:
    """What the model sees of five kinds of drawing, by extractor."""
    rows: list[Row] = []
    for name, drawing in drawings().items():
        seen = [(f"extractor {key}", to_image(-line_drawing(drawing, Settings(extractor=key))[0].clamp(-1, 1)))
                for key in EXTRACTORS]
        rows.append((name, [("the drawing", drawing), *seen]))
    return rows


def prediction(engine: Engine) -> list[Row]:
    """What a wrong prediction type looks like; for docs/troubleshooting.md."""
    lines, colours = example("dog"), example("sunrise")
    right, wrong = engine.prediction, next(kind for kind in Prediction if kind is not engine.prediction)
    pictures = []
    for kind in (right, wrong):
        engine.prediction = kind
        pictures.append((f"read as {kind.value}", engine.colorize(lines, colours, Settings())[0].image))
    engine.prediction = right
    return [(f"a checkpoint\nthat predicts {right.value}", pictures)]


SHEETS: Sheets = {
    "presets": presets, "main": main_options, "advanced": advanced_options, "lines": line_options,
    "prediction": prediction,
}


def write_sheets(sheets: Sheets, description: str) -> None:
    """The command: each sheet as options-NAME.png."""
    parser = argparse.ArgumentParser(description=description.split("\n")[0])
    parser.add_argument("--checkpoint", type=Path, default=ROOT / "models" / "colorize-small.safetensors")
    parser.add_argument("--only", choices=sheets, help="one sheet")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images", help="the folder")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    engine = Engine.load(args.checkpoint, device="cpu")
    for name in [args.only] if args.only else sheets:
        path = args.out / f"options-{name}.png"
        picture = option_sheet(sheets[name](engine))
        picture.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)  # a third of the size
        print(path)


if __name__ == "__main__":
    take_any_text()
    write_sheets(SHEETS, __doc__)

"""The sheets of docs/several-references.md: several references, larger ones and injection, with the shipped model.

    python -m tools.reference_pictures [--out docs/images] [--only injection]

Nothing is picked: the drawings and references of examples/, which the model has not seen, seed 0, default settings but
for what a row is about.
"""

from __future__ import annotations

from PIL import Image

from lib_colorize.console import take_any_text
from lib_colorize.engine.engine import Engine
from lib_colorize.method.settings import Settings
from lib_colorize.pictures.extras import Extras, FurtherReference
from tools.option_pictures import PAIRS, Picture, Row, Sheets, example, ladder, write_sheets

OTHER = {"dog": "purse", "wizard": "purse", "pickup": "sunrise"}  # a second reference for each sketch of PAIRS
WEIGHTS = (0.0, 0.25, 1.0, 4.0, 16.0)  # of the second, against 1
INJECTION = {
    "injection": (0.0, 0.25, 0.5, 0.75, 1.0), "injection_fidelity": (0.0, 0.25, 0.5, 0.75, 1.0),
    "injection_control": (0.0, 0.25, 0.5, 1.0, 2.0), "injection_start": (0.0, 0.2, 0.4, 0.6, 0.8),
}


def half_of_sketch(size: tuple[int, int], name: str) -> Image.Image:
    """A region of a sketch of that size: white where the second reference is to act."""
    width, height = size
    box = {"right": (width // 2, 0, width, height), "below": (0, height // 2, width, height),
           "middle": (width // 4, height // 4, width - width // 4, height - height // 4)}[name]
    region = Image.new("L", size)
    region.paste(255, box)
    return region


def made(engine: Engine, sketch: str, reference: str, settings: Settings, **further: object) -> Image.Image:
    """further: of the second reference, none without."""
    more = (FurtherReference(example(OTHER[sketch]), **further),) if further else ()  # type: ignore[arg-type]
    (result,) = engine.colorize(example(sketch), example(reference), settings, extras=Extras(further=more))
    return result.image


def references(engine: Engine) -> list[Row]:
    rows: list[Row] = []
    for sketch, reference in PAIRS:
        lines = example(sketch)
        shown: list[Picture] = [("first", example(reference)), ("second", example(OTHER[sketch])),
                                ("first alone", made(engine, sketch, reference, Settings()))]
        regions = {name: half_of_sketch(lines.size, name) for name in ("right", "below", "middle")}
        shown += [(f"second {name}", made(engine, sketch, reference, Settings(), region=region))
                  for name, region in regions.items()]
        rows.append((f"{sketch}:\nregions of\nthe second", shown))
        rows.append((f"{sketch}:\nweight of\nthe second", [("sketch", lines), *(
            (f"{weight:g}", made(engine, sketch, reference, Settings(), weight=weight)) for weight in WEIGHTS)]))
    return rows


def scales(engine: Engine) -> list[Row]:
    rows: list[Row] = []
    for sketch, reference in PAIRS:
        pictures = [(f"{scale:g}", made(engine, sketch, reference, Settings(reference_scale=scale)))
                    for scale in (1.0, 1.5, 2.0, 3.0)]
        rows.append((f"{sketch}:\nreference\nscale", [("sketch", example(sketch)), ("reference", example(reference)),
                                                      *pictures]))
    return rows


def injection(engine: Engine) -> list[Row]:
    on = Settings(injection=1.0)
    rows: list[Row] = []
    for sketch, reference in PAIRS:
        plain, injected = (made(engine, sketch, reference, settings) for settings in (Settings(), on))
        rows.append((f"{sketch}", [("sketch", example(sketch)), ("reference", example(reference)),
                                   ("injection 0", plain), ("injection 1", injected)]))
    return [*rows, *(ladder(engine, name, values, on if name != "injection" else Settings())
                     for name, values in INJECTION.items())]


SHEETS: Sheets = {"references": references, "scales": scales, "injection": injection}


if __name__ == "__main__":
    take_any_text()
    write_sheets(SHEETS, __doc__)

"""Streamline's icons: which are trained on, and what their parts are."""

from __future__ import annotations

import json

import numpy as np
import pytest

from lib_colorize.errors import ColorizeError
from training.small.figures import FRONT, coverage
from training.small.streamline import ICONS, streamline_drawings
from training.small.svg_sources import held_out

HELD = next(name for name in map("icon-x{}".format, range(100)) if held_out(name))
FREE = [name for name in map("icon-x{}".format, range(100)) if not held_out(name)]
BASE = '<path fill="#ffe500" d="M8 8h32v32h-32z"/><path fill="#ebcb00" d="M8 30h32v10h-32z"/>'
LINE = '<path fill="none" stroke="#45413c" d="M8 8h32v32h-32z"/>'
SHADOW = '<path fill="#45413c" d="M4 44h40v2h-40z" opacity=".15"/>'


def packages(folder, icons):
    file = folder / ICONS
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"width": 48, "height": 48, "icons": {n: {"body": b} for n, b in icons.items()}}),
                    encoding="utf-8")
    return folder


def test_a_drawing_and_what_shares_its_name_or_its_lines_is_on_one_side(tmp_path):
    other = LINE.replace("32z", "31z")
    found = packages(tmp_path, {f"{HELD}-1": BASE + LINE, f"{HELD}-2": BASE + other, FREE[0]: BASE + LINE,
                                FREE[1]: BASE + LINE.replace("M8 8", "M9 9")})
    assert [d.name for d in streamline_drawings(found)] == [f"streamline/{FREE[1]}"]
    assert [d.name for d in streamline_drawings(found, test=True)] == [f"streamline/{HELD}-1", f"streamline/{HELD}-2"]


def test_shades_belong_to_the_part_that_they_shade_and_shadows_are_left_out(tmp_path):
    (drawing,) = streamline_drawings(packages(tmp_path, {FREE[0]: SHADOW + BASE + LINE}))
    (part,) = drawing.parts
    area = coverage(drawing, part, FRONT, 48)
    assert (area[12:38, 12:36] > 0.98).all() and np.abs(area[42:]).max() < 0.01


def test_a_person_has_hair_and_skin_and_a_thing_of_the_same_colours_has_not(tmp_path):
    body = BASE.replace("#ffe500", "#ffcebf").replace("#ebcb00", "#a86c4d") + LINE
    icons = packages(tmp_path, {"woman-cook-1": body, FREE[0]: body.replace("M8 8", "M9 8")})
    found = [*streamline_drawings(icons), *streamline_drawings(icons, test=True)]
    people = {d.name.removeprefix("streamline/"): (d.figure, set(d.parts)) for d in found}
    assert people["woman-cook-1"] == (True, {"skin", "hair"})
    assert people[FREE[0]] == (False, {"color #ffcebf", "color #a86c4d"})


def test_without_the_package_it_says_how_to_get_it(tmp_path):
    with pytest.raises(ColorizeError, match="npm ci"):
        list(streamline_drawings(tmp_path))

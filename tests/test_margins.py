"""Margins at the sides of a reference, against the authors', and what they do to masks and further references."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from lib_colorize.engine.engine import Engine
from lib_colorize.method.settings import Settings
from lib_colorize.pictures.extras import NO_EXTRAS, Extras, FurtherReference
from lib_colorize.pictures.margins import with_margin, with_margins
from tests.conftest import golden_ids


@pytest.mark.parametrize("case_id", golden_ids("pre.pad_margin"))
def test_a_margin_is_the_authors(golden, case_id):
    case = golden.case(case_id)
    picture = Image.fromarray(golden.get(case, "inputs", "u8"))
    golden.check(case, "u8", np.asarray(with_margin(picture, case["params"]["scale"])))


def test_a_transparent_picture_keeps_its_transparency_and_a_mask_is_black_around():
    clear = with_margin(Image.new("RGBA", (10, 4), (9, 8, 7, 6)), 1.5)
    assert clear.size == (15, 4) and clear.getpixel((0, 0)) == (255, 255, 255, 0)
    assert clear.getpixel((2, 0)) == (9, 8, 7, 6)
    mask = with_margin(Image.new("L", (10, 4), 255), 1.5, 0).convert("L")
    assert [mask.getpixel((x, 0)) for x in (0, 1, 2, 11, 12, 14)] == [0, 0, 255, 255, 0, 0]


def test_all_references_the_background_and_the_mask_get_one_and_nothing_changes_at_1():
    picture = Image.new("RGB", (10, 4))
    extras = Extras(picture, picture, picture, further=(FurtherReference(picture, 2.0, picture),))
    reference, padded = with_margins(picture, extras, 1.5)
    assert [image.size[0] for image in (reference, padded.reference_mask, padded.background,
                                        padded.further[0].image)] == [15] * 4
    assert padded.sketch_mask is picture and padded.further[0].region is picture and padded.further[0].weight == 2.0
    assert with_margins(picture, extras, 1.0) == (picture, extras)
    assert with_margins(None, NO_EXTRAS, 2.0) == (None, NO_EXTRAS)


def test_the_engine_colours_as_from_a_picture_with_that_margin(tiny_checkpoint, pictures):
    engine = Engine.load(tiny_checkpoint, device="cpu")
    sketch, reference, _ = pictures
    plain = Settings(steps=1, trim_reference=False)
    (padded,) = engine.colorize(sketch, reference, replace(plain, reference_padding=1.5))
    (drawn,) = engine.colorize(sketch, with_margin(reference, 1.5), plain)
    (without,) = engine.colorize(sketch, reference, plain)
    assert padded.image.tobytes() == drawn.image.tobytes() != without.image.tobytes()

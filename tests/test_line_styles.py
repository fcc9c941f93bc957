"""The lines of sketches: widths, grey levels, gaps and the rest, measured on what is drawn."""

from __future__ import annotations

import random

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.evidence_drawings import box, figure, svg
from training.small.figures import FRONT
from training.small.line_styles import LEAST, MOST, SIDE, VARIED, LineStyle
from training.small.strokes import scale_each_stroke, usual_width

BLANK = Image.new("L", (SIDE, SIDE), 255)


def ruled(width=4):
    """Horizontal lines every 32 px."""
    picture = BLANK.copy()
    for y in range(16, SIDE, 32):
        ImageDraw.Draw(picture).rectangle((0, y, SIDE, y + width - 1), fill=0)
    return picture


def drawn(style, picture=None, seed=0):
    return np.asarray(style.sketch(picture or ruled(), random.Random(seed))).astype(float)


@pytest.mark.parametrize("px", [0.5, 1.0, 3.0, 6.0])
def test_strokes_get_the_width_that_is_asked_for(px):
    drawing = svg('<path d="M10 36h52" fill="none" stroke="#000" stroke-width="2"/>')
    times = px / (usual_width(drawing) * SIDE)
    seen = FRONT.of(scale_each_stroke(drawing, lambda _: times), SIDE)
    column = np.asarray(seen)[:, SIDE // 2, 3].astype(float) / 255
    assert column.sum() == pytest.approx(px, abs=0.1)


def test_a_line_has_one_width_in_the_picture_and_in_its_line_art():
    drawing = figure()
    factors = [{}, {}]
    for found, text in zip(factors, (drawing.svg, drawing.lines)):
        scale_each_stroke(text, lambda chance, found=found: found.setdefault(chance, 1.0))
    assert set(factors[0]) == set(factors[1]) and len(factors[0]) == 3


def test_the_usual_width_is_a_part_of_the_view_box_and_0_without_strokes():
    assert usual_width(svg(box(1, 1, 9, 9, "#fff"), box(2, 2, 9, 9, "#fff"))) == pytest.approx(2 / 72)
    assert usual_width(svg('<path d="M0 0h9v9z"/>')) == 0


def test_plain_lines_stay_as_they_are():
    picture = ruled()
    assert LineStyle().sketch(picture, random.Random(0)) is picture


@pytest.mark.parametrize("darkness", [0.3, 0.8])
def test_grey_lines_have_their_grey_and_the_paper_is_white(darkness):
    found = drawn(LineStyle(width=1, darkness=darkness))
    assert found.min() == pytest.approx(255 * (1 - darkness), abs=1) and found.max() == 255


def test_broken_lines_have_gaps_and_no_other_ink():
    whole, broken = np.asarray(ruled()), drawn(LineStyle(width=1, gaps=0.1))
    missing = ((whole == 0) & (broken == 255)).sum() / (whole == 0).sum()
    assert 0.02 < missing < 0.25
    assert (broken[whole == 255] == 255).all()


def test_lines_drawn_twice_stay_within_the_distance_that_is_named():
    second = drawn(LineStyle(width=1, second=2.0, again=0.7))
    rows = [y for y in range(SIDE) if any(abs(y - (line + 1.5)) < 5 for line in range(16, SIDE, 32))]
    away = np.delete(second, rows, axis=0)
    near = second[np.asarray(ruled()) == 255]
    assert (away == 255).all() and (near < 200).any()


def test_pencil_and_pressure_lighten_lines_and_darken_no_paper():
    for style in (LineStyle(width=1, grain=0.6), LineStyle(width=1, pressure=0.5)):
        found, whole = drawn(style), np.asarray(ruled())
        assert found[whole == 0].std() > 10 and (found[whole == 255] == 255).all()


def test_hard_lines_are_black_and_white_alone_even_hair_lines():
    thin = Image.fromarray(np.where(np.asarray(ruled(1)) == 0, 170, 255).astype(np.uint8))
    found = drawn(LineStyle(width=1, hard=0.45), thin)
    assert set(np.unique(found)) == {0, 255} and (found == 0).sum() == (np.asarray(thin) == 170).sum()


def test_a_wobble_bends_picture_and_sketch_alike():
    one, other = LineStyle(width=1, wobble=1.5).bend([ruled(), ruled()], random.Random(1))
    assert np.array_equal(np.asarray(one), np.asarray(other)) and not np.array_equal(np.asarray(one), ruled())


def test_half_are_plain_and_the_others_cover_all_widths():
    rng = random.Random(0)
    styles = [LineStyle.draw(rng) for _ in range(2000)]
    varied = [style for style in styles if style != LineStyle()]
    assert len(varied) / len(styles) == pytest.approx(VARIED, abs=0.04)
    thirds = np.quantile(np.log([style.width for style in varied]), [0, 1 / 3, 2 / 3, 1])
    assert np.allclose(thirds, np.linspace(np.log(LEAST), np.log(MOST), 4), atol=0.15)
    for name in ("spread", "wobble", "second", "gaps", "pressure", "grain", "blur", "hard", "paper"):
        share = np.mean([getattr(style, name) > 0 for style in varied])
        assert 0.08 < share < 0.4, name
    assert 0.35 < np.mean([style.darkness < 1 for style in varied]) < 0.55

"""Pairs for the shipped model: lines of the picture lie where the sketch's do, and are as wide, but black and whole."""

from __future__ import annotations

import random

import numpy as np
import pytest

from tests.evidence_drawings import figure, thing
from training.small.dress import Dress
from training.small.line_styles import LineStyle
from training.small.pair_choice import Sized
from training.small.varied_pairs import CLEAREST, _paint_page

SIZE = 256
DRAWING = Sized.of(thing())
LIGHT = Dress({"color 1": "#ffd0d0", "color 2": "#d0ffd0"}, ("#ffffff",))


def ink(style, seed=0):
    """Black of picture and sketch, in px of area, and the share of the sketch's that the picture has too."""
    color, lines = _paint_page([(DRAWING, (0, 0, SIZE))], DRAWING, LIGHT, style, SIZE, random.Random(seed))
    dark, drawn = 1 - np.asarray(color).min(2) / 208.0, 1 - np.asarray(lines) / 255.0
    dark = dark.clip(0, 1)
    return dark.sum(), drawn.sum(), np.minimum(dark, drawn).sum() / drawn.sum()


STYLES = [LineStyle(), LineStyle(width=2.0), LineStyle(width=5.0), LineStyle(width=3.0, spread=0.4)]


@pytest.mark.parametrize("style", STYLES)
def test_lines_of_the_picture_are_as_wide_as_the_sketchs(style):
    for seed in range(3):
        painted, drawn, common = ink(style, seed)
        assert painted == pytest.approx(drawn, rel=0.12) and common > 0.9


def test_hair_lines_are_painted_wide_enough_to_be_seen():
    painted, drawn, _ = ink(LineStyle(width=0.5))
    assert painted == pytest.approx(drawn * CLEAREST / 0.5, rel=0.2)


def test_a_page_of_figures_wears_the_references_colours_in_every_place():
    person = Sized.of(figure())
    dress = Dress({"hair": "#ff0000", "skin": "#00ff00", "clothes": "#0000ff"}, ("#ffffff",))
    half = SIZE // 2
    page = [(person, (0, 0, half)), (person, (half, half, half))]
    color, lines = _paint_page(page, person, dress, LineStyle(width=1.0), SIZE, random.Random(0))
    picture, sketch = np.asarray(color), np.asarray(lines)
    for top in (0, half):
        part = picture[top:top + half, top:top + half].reshape(-1, 3).tolist()
        assert all(part.count(c) > 100 for c in ([255, 0, 0], [0, 255, 0]))
        assert (sketch[top:top + half, top:top + half] < 128).any()
    assert (picture[:half, half:] == 255).all() and (sketch[:half, half:] == 255).all()

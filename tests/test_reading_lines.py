"""What is measured of lines: their ink, their places at several scales, and the pictures that they are measured on."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tools.reading_check.centre_lines import centre_points, ink_at
from tools.reading_check.pairs import SHOWN, painted
from tools.reading_check.scales import f1, scanned

SVG = ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 60 60"><circle cx="30" cy="30" r="20" fill="#d04030"/>'
       '<rect x="25" y="25" width="10" height="12" fill="#3050c0"/></svg>')


@pytest.mark.parametrize("width", [2, 5, 9])
def test_the_middle_of_a_line_is_found_and_its_ink_read(width: int) -> None:
    image = Image.new("L", (800, 600), 255)
    ImageDraw.Draw(image).line((100, 80, 700, 500), 0, width)
    ImageDraw.Draw(image).rectangle((20, 400, 200, 580), 0)  # an area has no centre line
    points = centre_points(1 - np.asarray(image) / 255)
    x, y = points[:, 0] * 800, points[:, 1] * 600
    off = np.abs((y - 80) * 600 - (x - 100) * 420) / np.hypot(600, 420)
    assert len(points) > 200 and np.quantile(off, 0.9) < 1.5
    half = np.full((60, 80), 0.5)
    assert ink_at(half, points) == 0.5


def test_a_pair_has_the_lines_of_what_is_seen() -> None:
    for outlined in (True, False):
        pair = painted(SVG, outlined, "#ffffff")
        assert pair is not None
        picture, lines = pair
        y, x = np.mgrid[:SHOWN, :SHOWN] + 0.5
        circle = np.abs(np.hypot(x - SHOWN / 2, y - SHOWN / 2) - SHOWN / 3) < 1.5
        assert f1(lines & ((x < SHOWN * 0.35) | (x > SHOWN * 0.65)), circle & ((x < SHOWN * 0.35) | (x > SHOWN * 0.65))
                  ) > 0.95
        dark = np.asarray(picture.convert("L")) < 10
        assert bool(dark.any()) is outlined


def test_a_scan_is_the_same_drawing_at_any_size(tmp_path) -> None:
    (tmp_path / "page.svg").write_text(SVG, encoding="utf-8")
    small, large = (np.asarray(scanned(tmp_path / "page.svg", size, False, 0.5).convert("L").resize((60, 60)), float)
                    for size in (300, 1200))
    assert np.abs(small - large).mean() < 4
    dark = np.asarray(scanned(tmp_path / "page.svg", 300, True, 0.0).convert("L"), float)
    assert dark.mean() < 128 < np.asarray(scanned(tmp_path / "page.svg", 300, False, 0.0).convert("L"), float).mean()

"""What is meant in a painting stays when its colours are carried up; what is only unsteady in it goes."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from lib_colorize.finishing.areas import find_areas
from lib_colorize.finishing.divided import finish
from lib_colorize.finishing.ink import ink_of
from lib_colorize.finishing.unsteadiness import unsteadiness
from tests.test_finishing import SIZE, two_rooms

SIDE = 128
SKIN = np.array([236, 190, 160], np.float32)
Y, X = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
LEFT = (slice(80, 560), slice(80, 300))  # of the drawing: inside the left room


def blob(x: float, y: float, radius: float) -> np.ndarray:
    return np.exp(-((X - x) ** 2 + (Y - y) ** 2) / (2 * radius**2))[..., None]


def shaded(kind: str) -> np.ndarray:
    """[SIDE, SIDE, 3]: what a steady hand paints; skin all over."""
    if kind == "gradient":
        return SKIN * (1 - 0.5 * Y / SIDE)[..., None]
    if kind == "cast shadow":
        return SKIN * np.where(X + Y < 110, 0.6, 1.0)[..., None]
    if kind == "blush":
        return SKIN + (np.array([235, 110, 110]) - SKIN) * 0.8 * blob(38, 64, 7)
    if kind == "shine":
        return SKIN + (255 - SKIN) * blob(38, 64, 6)
    return SKIN * (0.55 + 0.45 * np.clip((X - 16) / 30, 0, 1))[..., None]  # a rounded edge


def unsteady(amplitude: float) -> np.ndarray:
    """Blotches of any colour, ten pixels wide."""
    noise = ndimage.gaussian_filter(np.random.default_rng(1).normal(size=(SIDE, SIDE, 3)), (5, 5, 0))
    return np.asarray(amplitude * noise / noise.std(), np.float32)


def picture(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))


@pytest.mark.parametrize("kind", ["gradient", "cast shadow", "blush", "shine", "rounded"])
def test_shading_of_a_steady_painting_stays(kind: str) -> None:
    grain = np.random.default_rng(0).normal(0, 1.0, (SIDE, SIDE, 3))
    painted = picture(shaded(kind) + grain)
    found = finish(np.asarray(two_rooms()), painted).colours[LEFT].astype(float)
    meant = np.asarray(picture(shaded(kind)).resize((SIZE, SIZE), Image.Resampling.BICUBIC))[LEFT].astype(float)
    assert np.abs(found - meant).mean() < 3
    spans = [np.ptp(np.percentile(each, [1, 99], axis=(0, 1)), axis=0).max() for each in (found, meant)]
    assert spans[0] > 0.8 * spans[1]


@pytest.mark.parametrize("amplitude", [6.0, 12.0])
def test_blotches_of_an_unsteady_painting_go(amplitude: float) -> None:
    found = finish(np.asarray(two_rooms()), picture(SKIN + unsteady(amplitude))).colours[LEFT].reshape(-1, 3)
    assert np.std(found.astype(float), axis=0).max() < 0.25 * amplitude


def test_a_strong_shadow_of_an_unsteady_painting_stays() -> None:
    dark = SKIN * np.where(Y > 70, 0.3, 1.0)[..., None]
    found = finish(np.asarray(two_rooms()), picture(dark + unsteady(6.0))).colours.astype(float)
    assert found[150, 200].mean() - found[480, 200].mean() > 90


def test_shading_is_no_unsteadiness_and_blotches_are() -> None:
    areas = find_areas(ink_of(np.asarray(two_rooms())).alpha)
    grid, away = areas.labels[2::5, 2::5], areas.away[2::5, 2::5] / 5
    for kind in ("gradient", "cast shadow", "blush", "shine", "rounded"):
        assert unsteadiness(shaded(kind), grid, away) == 0
    assert unsteadiness(SKIN + unsteady(8.0), grid, away) == 1
    assert unsteadiness(shaded("gradient"), grid, np.zeros_like(away)) == 0, "nothing is clear of lines"


def test_a_small_picture_whose_colours_are_all_near_lines_is_finished() -> None:
    drawing = np.full((64, 96, 3), 255, np.uint8)
    drawing[2:62, [2, 3, 48, 49, 92, 93]] = 0
    drawing[[2, 3, 60, 61], 2:94] = 0
    painted = np.zeros((64, 96, 3), np.uint8)
    painted[:, :48], painted[:, 48:] = (192, 48, 32), (32, 64, 192)
    found = finish(drawing, Image.fromarray(painted)).colours
    assert tuple(found[32, 20]) == (192, 48, 32) and tuple(found[32, 70]) == (32, 64, 192)

"""What is printed around or under a drawing: frames, grids, panels; a drawing of a frame, or with even lines, stays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from lib_colorize.method.settings import Settings
from lib_colorize.pictures.grid import without_grid
from lib_colorize.pictures.opened_page import open_page

DOG = Path(__file__).parents[1] / "examples" / "sketches" / "dog.png"


def dog(side: int = 480) -> Image.Image:
    return Image.open(DOG).convert("RGB").resize((side, side), Image.Resampling.LANCZOS)


def framed(margin: int, width: int, paper: str = "white") -> Image.Image:
    image = Image.new("RGB", (600, 600), paper)
    image.paste(dog(), (60, 60))
    ImageDraw.Draw(image).rectangle((margin, margin, 599 - margin, 599 - margin), outline="black", width=width)
    return image


@pytest.mark.parametrize("margin, width", [(0, 20), (12, 4), (20, 12), (3, 2)])
@pytest.mark.parametrize("inverted", [False, True])
def test_a_frame_around_the_page_becomes_paper_and_is_told(margin: int, width: int, inverted: bool) -> None:
    image = ImageOps.invert(framed(margin, width)) if inverted else framed(margin, width)
    page = open_page(image, Settings())
    wanted = framed(-9, 1)
    wanted = ImageOps.invert(wanted) if inverted else wanted
    got = np.asarray(page.put_back(page.sketch).convert("RGB").resize((600, 600)), int)
    assert np.abs(got - np.asarray(wanted, int)).mean() < 2
    assert any("a frame around the page left out" in said for said in page.told)
    kept = open_page(image, Settings(fit_drawing=False))
    assert kept.sketch is image and kept.told == ()


def test_a_frame_in_a_frame_is_a_drawing_of_one() -> None:
    image = framed(4, 4)
    ImageDraw.Draw(image).rectangle((30, 30, 569, 569), outline="black", width=4)
    assert open_page(image, Settings()).sketch is image


def test_a_frame_that_the_drawing_reaches_is_part_of_it() -> None:
    image = framed(10, 6)
    ImageDraw.Draw(image).line((0, 420, 599, 400), fill="black", width=8)
    assert open_page(image, Settings()).sketch is image


def test_three_sides_are_no_frame() -> None:
    image = framed(10, 6)
    ImageDraw.Draw(image).rectangle((0, 0, 30, 599), fill="white")
    assert open_page(image, Settings()).sketch is image


def gridded(paper: tuple[int, int, int], line: tuple[int, int, int], ink: tuple[int, int, int], step: float = 24,
            noise: float = 0) -> tuple[Image.Image, Image.Image]:
    """A drawing on squared paper, and the same on plain paper."""
    shade = np.asarray(dog(600).convert("L"), float)[..., None] / 255
    plain = shade * np.array(paper) + (1 - shade) * np.array(ink)
    ground = np.tile(np.array(paper, float), (600, 600, 1))
    for k in np.arange(step / 2, 600, step).astype(int):
        ground[k] = ground[:, k] = line
    squared = shade * ground + (1 - shade) * np.array(ink)
    grain = np.random.default_rng(4).normal(0, noise, plain.shape) if noise else 0
    both = (Image.fromarray(np.uint8(np.clip(each + grain, 0, 255).round())) for each in (squared, plain))
    return next(both), next(both)


@pytest.mark.parametrize("colours", [
    ((30, 60, 140), (70, 100, 175), (240, 245, 255)),  # a blueprint
    ((255, 255, 255), (200, 215, 240), (20, 20, 20)),  # squared paper
])
@pytest.mark.parametrize("step, noise", [(24, 0), (15.4, 3)])
def test_a_pale_grid_is_taken_off_and_told(colours: tuple[tuple[int, int, int], ...], step: float,
                                           noise: float) -> None:
    squared, plain = gridded(*colours, step=step, noise=noise)
    page = open_page(squared, Settings(fit_drawing=False))
    assert page.told == ("a pale grid taken off",)
    before, after = (np.abs(np.asarray(each, int) - np.asarray(plain, int)).mean() for each in (squared, page.sketch))
    assert after < 0.25 * before
    assert open_page(squared, Settings(fit_drawing=False, polarity="dark on light")).sketch is squared


def test_bold_bars_and_uneven_lines_are_no_grid() -> None:
    bars, uneven = dog(600), dog(600)
    for k in range(30, 600, 60):
        for line in (((k, 0), (k, 599)), ((0, k), (599, k))):
            ImageDraw.Draw(bars).line(line, fill="black", width=5)
    for k in (20, 50, 130, 260, 300, 420, 570):
        for line in (((k, 0), (k, 599)), ((0, k), (599, k))):
            ImageDraw.Draw(uneven).line(line, fill=(190, 190, 190), width=2)
    assert without_grid(bars) is bars and without_grid(uneven) is uneven


def comic(*boxes: tuple[int, int, int, int]) -> Image.Image:
    image = Image.new("RGB", (600, 800), "white")
    for box in boxes:
        small = dog(min(box[2] - box[0], box[3] - box[1]) - 30)
        image.paste(small, (box[0] + 15, box[1] + 15))
        ImageDraw.Draw(image).rectangle(box, outline="black", width=4)
    return image


def test_panels_of_a_page_are_counted_and_told() -> None:
    four = comic((20, 20, 290, 380), (305, 20, 580, 380), (20, 395, 290, 780), (305, 395, 580, 780))
    three = comic((20, 20, 580, 300), (20, 315, 200, 780), (215, 315, 580, 780))
    for count, image in ((4, four), (3, three)):
        page = open_page(image, Settings())
        assert page.sketch is image
        assert [said for said in page.told if "panels" in said] == [
            f"{count} panels, coloured as one drawing: cut them apart for more of each"]


@pytest.mark.parametrize("boxes", [[(60, 60, 540, 740)], []])
def test_one_panel_and_drawings_without_frames_are_none(boxes: list[tuple[int, int, int, int]]) -> None:
    image = comic(*boxes)
    image.paste(dog(200), (80, 520))
    image.paste(dog(200), (330, 520))
    assert not any("panels" in said for said in open_page(image, Settings()).told)

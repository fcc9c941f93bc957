"""Areas of a drawing, colours carried up to it, and the picture taken apart."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lib_colorize.errors import ColorizeError
from lib_colorize.finishing.areas import find_areas
from lib_colorize.finishing.divided import DividedDrawing, finish
from lib_colorize.finishing.drawing import drawing_on_white
from lib_colorize.finishing.finished import Finished
from lib_colorize.finishing.flats import flat_colours, median_colours
from lib_colorize.finishing.full_labels import full_labels
from lib_colorize.finishing.ink import ink_of, laid_over
from lib_colorize.finishing.layers import laid_together, needed_light, screened
from lib_colorize.method.settings import Polarity, Settings

SIZE = 640


def two_rooms(gap: int = 0, side: int = SIZE, line: int = 5) -> Image.Image:
    """A frame with a wall in the middle; gap: px of a door in the wall."""
    sketch = Image.new("RGB", (side, side), "white")
    draw = ImageDraw.Draw(sketch)
    draw.rectangle((60, 60, side - 60, side - 60), outline="black", width=line)
    middle = side // 2
    draw.line((middle, 60, middle, side - 60), fill="black", width=line)
    if gap:
        draw.rectangle((middle - line, middle - gap // 2, middle + line, middle - gap // 2 + gap - 1), fill="white")
    return sketch


def smeared(side: int = 64) -> Image.Image:
    """A small painting of the rooms whose colours run over the wall: red until 54 %, blue from there, green outside."""
    painted = Image.new("RGB", (side, side), "green")
    draw = ImageDraw.Draw(painted)
    draw.rectangle((side * 60 // SIZE, side * 60 // SIZE, side - side * 60 // SIZE, side - side * 60 // SIZE),
                   fill="blue")
    draw.rectangle((side * 60 // SIZE, side * 60 // SIZE, side * 52 // 100, side - side * 60 // SIZE), fill="red")
    return painted


def area_at(finished: Finished, x: int, y: int) -> int:
    return int(finished.labels[y, x])


@pytest.mark.parametrize("gap", [0, 4])
@pytest.mark.parametrize("side", [640, 1700])
def test_a_wall_divides_the_rooms_even_with_a_small_hole(gap: int, side: int) -> None:
    ink = ink_of(np.asarray(two_rooms(gap, side)))
    areas = find_areas(ink.alpha)
    labels = full_labels(areas, ink.alpha)
    left, right = labels[side // 2, side // 3], labels[side // 2, 2 * side // 3]
    assert len({int(left), int(right), int(labels[5, 5])}) == 3
    assert labels.shape == (side, side) and labels.min() >= 1


def test_a_door_joins_the_rooms() -> None:
    ink = ink_of(np.asarray(two_rooms(gap=200)))
    found = find_areas(ink.alpha)
    assert found.labels[320, 200] == found.labels[320, 440] != found.labels[5, 5]


def test_no_gap_is_closed_when_none_is_asked_for() -> None:
    found = find_areas(ink_of(np.asarray(two_rooms(gap=4))).alpha, gap=0)
    assert found.labels[100, 200] == found.labels[100, 440]


@pytest.mark.parametrize("name", ["dog", "woman", "cow", "pickup"])
def test_outlines_of_the_examples_close_by_themselves(name: str) -> None:
    sketch = Image.open(Path(__file__).parents[1] / "examples" / "sketches" / f"{name}.png").convert("RGB")
    found = find_areas(ink_of(np.asarray(sketch)).alpha)
    assert (found.labels == found.labels[0, 0]).mean() < 0.8, "the page is not all of it"


def test_transparent_pixels_are_white_whatever_lies_under_them() -> None:
    painted = Image.new("RGBA", (64, 64), (200, 40, 40, 0))
    painted.paste((20, 90, 200, 255), (0, 0, 32, 64))
    finished = finish(np.asarray(two_rooms()), painted)
    assert np.abs(finished.colours[320, 440].astype(int) - 255).max() <= 1
    assert np.abs(finished.colours[320, 200].astype(int) - (20, 90, 200)).max() <= 2


def test_colours_stop_at_the_lines_where_an_enlargement_runs_over_them() -> None:
    sketch = np.asarray(two_rooms())
    finished = finish(sketch, smeared())
    left = finished.colours[66:574, 66:317].reshape(-1, 3).astype(int)
    right = finished.colours[66:574, 324:574].reshape(-1, 3).astype(int)
    assert (np.abs(left - (255, 0, 0)).max(1) <= 12).mean() > 0.995
    assert (np.abs(right - (0, 0, 255)).max(1) <= 12).mean() > 0.995
    plain = np.asarray(smeared().resize((SIZE, SIZE), Image.Resampling.LANCZOS))
    assert (np.abs(plain[66:574, 324:574].reshape(-1, 3).astype(int) - (0, 0, 255)).max(1) <= 12).mean() < 0.95


def test_a_slope_of_colour_inside_an_area_stays() -> None:
    painted = np.zeros((64, 64, 3), np.uint8)
    painted[...] = np.linspace(40, 220, 64)[:, None, None]
    finished = finish(np.asarray(two_rooms()), Image.fromarray(painted))
    column = finished.colours[80:560, 200, 0].astype(float)
    rows = np.arange(80, 560)
    slope = np.polyfit(rows, column, 1)[0] * SIZE
    assert slope == pytest.approx(180, rel=0.12)


@pytest.mark.parametrize("side", [2004, 2048])
def test_a_slope_of_colour_goes_on_to_the_borders_of_picture_and_area(side: int) -> None:
    sketch = Image.new("RGB", (side, side), "white")
    ImageDraw.Draw(sketch).ellipse((301, 303, 1507, 1509), outline="black", width=4)
    level = np.linspace(30, 230, 128).astype(np.uint8)
    painted = Image.fromarray(np.broadcast_to(level[:, None, None], (128, 128, 3)).copy())
    found = finish(np.asarray(sketch), painted)
    column = found.colours[:, :, 0].astype(int)
    wanted = 30 + 200 * (np.arange(side) + 0.5) / side
    clear = found.ink.alpha == 0
    assert np.abs(column - wanted[:, None])[clear].max() < 16


def test_a_line_to_the_border_parts_colours_up_to_it() -> None:
    """Of a large drawing, whose areas are told at a smaller size: beyond the border lies no area's pixel."""
    sketch = Image.new("RGB", (6000, 2000), "white")
    draw = ImageDraw.Draw(sketch)
    for x in (2001, 4002):
        draw.line((x, 0, x, 2000), fill="black", width=1)
    draw.line((4002, 1001, 6000, 1001), fill="black", width=1)
    ink = ink_of(np.asarray(sketch))
    labels = full_labels(find_areas(ink.alpha), ink.alpha)
    whole = [(slice(None), slice(0, 2001)), (slice(None), slice(2003, 4002)),
             (slice(0, 1001), slice(4004, None)), (slice(1003, None), slice(4004, None))]
    assert [len(np.unique(labels[part])) for part in whole] == [1, 1, 1, 1]
    assert len({int(labels[part].ravel()[0]) for part in whole}) == 4


def test_two_tones_in_one_area_stay_two() -> None:
    painted = Image.new("RGB", (128, 128), (220, 170, 140))
    ImageDraw.Draw(painted).rectangle((20, 70, 60, 108), fill=(150, 100, 80))  # a shadow, no line about it
    finished = finish(np.asarray(two_rooms()), painted)
    assert np.abs(finished.colours[450, 200].astype(int) - (150, 100, 80)).max() < 15
    assert np.abs(finished.colours[150, 200].astype(int) - (220, 170, 140)).max() < 15


def test_lines_keep_their_colour_and_opacity() -> None:
    sketch = np.asarray(two_rooms()).copy()
    sketch[(sketch == 0).all(2)] = (150, 20, 40)
    soft = np.asarray(Image.fromarray(sketch).resize((400, 400), Image.Resampling.BICUBIC))
    ink = ink_of(soft)
    assert np.abs(laid_over(ink, np.full_like(soft, 255)).astype(int) - soft).max() <= 1
    assert ink.colour[ink.alpha > 200].mean(0) == pytest.approx((149, 6, 26), abs=8)


@pytest.mark.parametrize("size", [64, 640, 900])
def test_layers_give_the_picture(size: int) -> None:
    painted = smeared(size)
    finished = finish(np.asarray(two_rooms()), painted)
    picture = np.asarray(finished.picture()).astype(int)
    assert np.abs(laid_together(finished.layers()).astype(int) - picture).max() <= 1
    if size == SIZE:
        assert np.array_equal(picture, np.asarray(painted))


def test_layers_of_noise_and_of_a_black_picture_give_them_too() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    for pixels in (noise, np.zeros_like(noise), np.full_like(noise, 255)):
        finished = finish(np.asarray(two_rooms()), Image.fromarray(pixels))
        assert np.array_equal(np.asarray(finished.picture()), pixels)
        assert np.abs(laid_together(finished.layers()).astype(int) - pixels).max() <= 1


def test_no_scalar_is_to_widen_an_array_of_bytes() -> None:
    """numpy 2 does so, numpy 1 (of both WebUIs) does not: uint8 array * np.uint16(255) overflows there unsaid."""
    found = [f"{path}: {line}" for path in (Path(__file__).parents[1] / "lib_colorize").rglob("*.py")
             for line in path.read_text(encoding="utf-8").splitlines() if re.search(r"np\.u?int(8|16|32)\(\d", line)]
    assert found == []


def test_light_is_what_is_screened_whatever_the_numpy() -> None:
    below, wanted = (np.array([[colour]], np.uint8) for colour in ((100, 100, 10), (250, 200, 90)))
    assert np.abs(screened(below, needed_light(wanted, below)).astype(int) - wanted).max() <= 1


def test_each_flat_has_a_colour_of_its_own() -> None:
    flats = next(layer for layer in finish(np.asarray(two_rooms()), Image.new("RGB", (64, 64), "tan")).layers()
                 if layer.name == "flats").pixels
    colours = {tuple(flats[y, x]) for x, y in ((5, 5), (200, 320), (440, 320))}
    assert len(colours) == 3 and all(np.abs(np.subtract(c, (210, 180, 140))).max() <= 2 for c in colours)


def test_a_picture_of_another_shape_is_refused() -> None:
    with pytest.raises(ColorizeError, match="64x90.*640x640.*same shape"):
        finish(np.asarray(two_rooms()), Image.new("RGB", (64, 90)))


def test_a_drawing_without_a_closed_area_is_one_area() -> None:
    sketch = Image.new("RGB", (300, 200), "white")
    ImageDraw.Draw(sketch).line((50, 50, 150, 120), fill="black", width=3)
    finished = finish(np.asarray(sketch), Image.new("RGB", (60, 40), "orange"))
    assert int(finished.labels.max()) == 1
    assert np.abs(finished.colours.astype(int) - (255, 165, 0)).max() <= 1


def test_a_scan_gets_white_paper_and_light_lines_come_out_dark() -> None:
    clean = np.asarray(two_rooms())
    scan = Image.fromarray((clean * np.array([0.93, 0.9, 0.82])).astype(np.uint8))
    assert np.array_equal(drawing_on_white(scan, Settings()) == 255, clean == 255)
    inverse = Image.fromarray(255 - clean)
    for polarity in (Polarity.AUTO, Polarity.LIGHT_ON_DARK):
        found = drawing_on_white(inverse, Settings(polarity=polarity))
        assert np.abs(found.astype(int) - clean).max() <= 2
    with pytest.raises(ColorizeError, match="no lines"):
        drawing_on_white(Image.new("RGB", (50, 50), "white"), Settings())


def test_medians_and_flats_of_many_areas_are_each_areas_own() -> None:
    labels = np.random.default_rng(0).integers(1, 3000, (700, 900)).astype(np.int32)
    colours = np.random.default_rng(1).integers(0, 256, (700, 900, 3), dtype=np.uint8)
    colours[labels % 2 == 0] = 200
    found = median_colours(colours, labels)
    for area in (1, 2, 77, 2999):
        own = np.sort(colours[labels == area], 0)
        assert tuple(found[area]) == tuple(own[(len(own) + 1) // 2 - 1])
    flats = flat_colours(colours, labels)[1:]
    assert len(np.unique(flats, axis=0)) == len(flats) == 2999
    assert np.abs(flats[1::2].astype(int) - 200).max() <= 6, "1,499 areas of one colour: all near it"


def test_lines_of_a_large_light_on_dark_sketch_keep_their_own_size() -> None:
    clean = np.full((300, 4400, 3), 255, np.uint8)
    clean[30::60, 100:4300] = clean[31::60, 100:4300] = clean[32::60, 100:4300] = 0  # halved: grey, of two rows
    found = drawing_on_white(Image.fromarray(255 - clean), Settings())
    assert np.array_equal(found, clean)


def test_a_large_page_with_much_black_is_not_inverted_where_it_is_said_to_be_dark_on_light() -> None:
    page = Image.new("RGB", (4400, 600), "white")
    for left in range(100, 4300, 300):
        ImageDraw.Draw(page).rectangle((left, 30, left + 220, 570), fill="black")
    clean = np.asarray(page)
    assert np.median(clean) == 0
    assert np.array_equal(drawing_on_white(page, Settings(polarity=Polarity.DARK_ON_LIGHT)), clean)


def test_twenty_thousand_areas_each_get_their_colour() -> None:
    sketch = np.full((1400, 1400, 3), 255, np.uint8)
    sketch[::10] = sketch[:, ::10] = 0
    painted = np.zeros((1400, 1400, 3), np.uint8)
    painted[..., 0] = np.linspace(60, 200, 1400)[:, None]
    found = finish(sketch, Image.fromarray(painted).resize((350, 350)))
    assert int(found.labels.max()) == 140 * 140
    assert np.abs(found.colours[5::10, 5::10].astype(int) - painted[5::10, 5::10]).max() <= 4


def test_a_strip_of_panels_is_divided_as_finely_as_one_panel() -> None:
    strip = np.concatenate([np.asarray(two_rooms(gap=12))] * 8)
    labels = DividedDrawing.of(strip).labels
    assert len({int(labels[640 * panel + 320, x]) for panel in range(8) for x in (200, 440)}) == 16


@pytest.mark.parametrize("side", [640, 1700])
def test_no_line_is_left_in_the_colours_of_a_picture_that_holds_them(side: int) -> None:
    ink = np.asarray(two_rooms(side=2 * side).resize((side, side), Image.Resampling.BOX))  # soft edges
    colours = np.where(np.arange(side)[None, :, None] < side // 2, (240, 200, 170), (120, 160, 220)).astype(np.uint8)
    finished = finish(ink, Image.fromarray((colours * (ink / 255)).round().astype(np.uint8)))
    clear = np.abs(np.arange(side) - side // 2) > 6  # the wall has two sides
    assert np.abs(finished.colours.astype(int) - colours)[:, clear].max() <= 6


@pytest.mark.parametrize("lines", [(255, 255, 255, 255), (20, 20, 20, 70)])
def test_lines_on_transparency_are_those_that_are_read_white_and_faint_ones_too(lines: tuple[int, ...]) -> None:
    mask = np.asarray(two_rooms().convert("L")) < 128
    layer = Image.fromarray(np.where(mask[..., None], np.array(lines, np.uint8), np.uint8(0)), "RGBA")
    found = drawing_on_white(layer, Settings())
    assert (found[mask].max(-1) < 60).mean() > 0.99 and (found[~mask].min(-1) > 200).mean() > 0.99
    assert finish(found, smeared()).labels.max() == finish(np.asarray(two_rooms()), smeared()).labels.max()


def test_faint_pencil_divides_areas_as_what_is_read_of_it_does() -> None:
    mask = np.asarray(two_rooms().convert("L")) < 128
    found = drawing_on_white(Image.fromarray(np.where(mask, 235, 255).astype(np.uint8)), Settings())
    assert (found[mask].max(-1) < 60).mean() > 0.99 and (found[~mask].min(-1) > 200).mean() > 0.99

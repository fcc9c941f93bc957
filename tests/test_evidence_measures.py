"""Colour difference, part colours, leaks, lines, reconstruction: on cases whose answer is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lib_colorize.errors import ColorizeError
from lib_colorize.pictures.colour_spaces import lab_of
from training.evidence import measures
from training.evidence.flatness import FlatPixels, away_from_lines, flat_pixels, flatness
from training.evidence.questions import Benchmark, PairKind, Question
from training.metrics import leak
from training.small.colour import ciede2000
from training.small.drawings import Group
from training.small.figures import BACKGROUND

SHARMA = """50 2.6772 -79.7751 50 0 -82.7485 2.0425
50 3.1571 -77.2803 50 0 -82.7485 2.8615
50 2.8361 -74.0200 50 0 -82.7485 3.4412
50 -1.3802 -84.2814 50 0 -82.7485 1.0000
50 -1.1848 -84.8006 50 0 -82.7485 1.0000
50 -0.9009 -85.5211 50 0 -82.7485 1.0000
50 0 0 50 -1 2 2.3669
50 -1 2 50 0 0 2.3669
50 2.4900 -0.0010 50 -2.4900 0.0009 7.1792
50 2.4900 -0.0010 50 -2.4900 0.0010 7.1792
50 2.4900 -0.0010 50 -2.4900 0.0011 7.2195
50 2.4900 -0.0010 50 -2.4900 0.0012 7.2195
50 -0.0010 2.4900 50 0.0009 -2.4900 4.8045
50 -0.0010 2.4900 50 0.0010 -2.4900 4.8045
50 -0.0010 2.4900 50 0.0011 -2.4900 4.7461
50 2.5 0 50 0 -2.5 4.3065
50 2.5 0 73 25 -18 27.1492
50 2.5 0 61 -5 29 22.8977
50 2.5 0 56 -27 -3 31.9030
50 2.5 0 58 24 15 19.4535
50 2.5 0 50 3.1736 0.5854 1.0000
50 2.5 0 50 3.2972 0 1.0000
50 2.5 0 50 1.8634 0.5757 1.0000
50 2.5 0 50 3.2592 0.3350 1.0000
60.2574 -34.0099 36.2677 60.4626 -34.1751 39.4387 1.2644
63.0109 -31.0961 -5.8663 62.8187 -29.7946 -4.0864 1.2630
61.2901 3.7196 -5.3901 61.4292 2.2480 -4.9620 1.8731
35.0831 -44.1164 3.7933 35.0232 -40.0716 1.5901 1.8645
22.7233 20.0904 -46.6940 23.0331 14.9730 -42.5619 2.0373
36.4612 47.8580 18.3852 36.2715 50.5065 21.2231 1.4146
90.8027 -2.0831 1.4410 91.1528 -1.6435 0.0447 1.4441
90.9257 -0.5406 -0.9208 88.6381 -0.8985 -0.7239 1.5381
6.7747 -0.2908 -2.4247 5.8714 -0.0985 -2.2286 0.6377
2.0776 0.0795 -1.1350 0.9033 -0.0636 -0.5514 0.9082"""  # Sharma, Wu and Dalal 2005, Table 1
SIZE = 64
RED, BLUE, GREEN = "#d02020", "#2030d0", "#20a030"


def test_ciede2000_is_that_of_the_published_pairs() -> None:
    table = np.array([[float(x) for x in line.split()] for line in SHARMA.splitlines()])
    assert table.shape == (34, 7)
    for a, b in ((table[:, :3], table[:, 3:6]), (table[:, 3:6], table[:, :3])):  # it is symmetric
        assert np.abs(ciede2000(a, b) - table[:, 6]).max() < 1e-4


def test_lab_of_srgb_has_the_known_values() -> None:
    found = lab_of(np.array([[255, 255, 255], [0, 0, 0], [255, 0, 0], [0, 0, 255]]))
    expected = [[100, 0, 0], [0, 0, 0], [53.24, 80.09, 67.20], [32.30, 79.19, -107.86]]
    assert np.abs(found - expected).max() < 0.02


def rectangles(*colours: str, background: str = "white") -> Image.Image:
    """Two fields, left and right, 24 x 40 px each, on a background."""
    image = Image.new("RGB", (SIZE, SIZE), background)
    for i, colour in enumerate(colours):
        ImageDraw.Draw(image).rectangle((4 + 32 * i, 12, 27 + 32 * i, 51), fill=colour)
    return image


def sketch_of_two() -> Image.Image:
    image = Image.new("L", (SIZE, SIZE), 255)
    for i in range(2):
        ImageDraw.Draw(image).rectangle((4 + 32 * i, 12, 27 + 32 * i, 51), outline=0)
    return image


def pair(busy: bool = False, expected: tuple[str, ...] = (GREEN, RED, BLUE)) -> Question:
    return Question("p", PairKind.FIGURE_FIGURE, Group.OPENMOJI, ("a", "b"), busy, ("background", "hair", "skin"),
                    expected, (GREEN, RED, BLUE))


def benchmark(folder: Path, asked: Question, reference: Image.Image) -> Benchmark:
    """One pair: hair is the left field, skin the right one."""
    labels = np.zeros((SIZE, SIZE), np.uint8)
    labels[:10] = labels[54:] = BACKGROUND
    labels[13:51, 5:27], labels[13:51, 37:59] = 1, 2
    (folder / "pictures").mkdir()
    for name, image in (("p-sketch.sketch", sketch_of_two()), ("p-sketch.labels", Image.fromarray(labels)),
                        ("p-sketch.color", rectangles(BLUE, RED)), ("p-reference.color", reference)):
        image.save(folder / "pictures" / f"{name}.png")
    return Benchmark(folder, (asked,), {"p-sketch": ("hair", "skin")}, "digest")


def test_a_perfect_picture_has_no_part_error_and_swapped_parts_are_wrong_but_of_the_palette(tmp_path: Path) -> None:
    bench = benchmark(tmp_path, pair(), rectangles(RED, BLUE, background=GREEN))
    right = measures.measure(bench, pair(), rectangles(RED, BLUE, background=GREEN))
    assert right.errors == pytest.approx({"background": 0, "hair": 0, "skin": 0}, abs=1e-6)
    swapped = measures.measure(bench, pair(), rectangles(BLUE, RED, background=GREEN))
    distance = float(ciede2000(lab_of(np.array([0xd0, 0x20, 0x20])), lab_of(np.array([0x20, 0x30, 0xd0]))))
    assert distance > 40
    assert swapped.errors == pytest.approx({"background": 0, "hair": distance, "skin": distance}, abs=1e-6)
    assert max(swapped.strays.values()) < 1e-6


def test_a_part_is_judged_by_its_median_and_not_by_its_rim(tmp_path: Path) -> None:
    bench = benchmark(tmp_path, pair(), rectangles(RED, BLUE, background=GREEN))
    picture = rectangles(RED, BLUE, background=GREEN)
    ImageDraw.Draw(picture).rectangle((5, 13, 26, 50), outline="black")  # the rim of the hair's region
    ImageDraw.Draw(picture).rectangle((8, 16, 14, 40), fill="yellow")  # a quarter of it
    assert measures.measure(bench, pair(), picture).errors["hair"] == pytest.approx(0, abs=1e-6)
    ImageDraw.Draw(picture).rectangle((6, 14, 25, 49), fill="yellow")
    assert measures.measure(bench, pair(), picture).errors["hair"] > 40


def test_a_label_without_an_expected_colour_has_no_error(tmp_path: Path) -> None:
    asked = pair(expected=("", RED, ""))
    bench = benchmark(tmp_path, asked, rectangles(RED, BLUE))
    assert set(measures.measure(bench, asked, rectangles(RED, BLUE)).errors) == {"hair"}


def test_a_region_too_small_to_judge_is_left_out() -> None:
    region = np.zeros((SIZE, SIZE), bool)
    region[:7, :7] = True  # 25 px are left of it
    assert measures.colour_of(rectangles(), region) is None
    region[:9, :9] = True  # 49
    assert measures.colour_of(rectangles(), region) is not None


def test_a_picture_of_another_size_is_refused(tmp_path: Path) -> None:
    bench = benchmark(tmp_path, pair(), rectangles(RED, BLUE))
    with pytest.raises(ColorizeError, match=r"found a result of \(32, 32\), expected the sketch's \(64, 64\)"):
        measures.measure(bench, pair(), rectangles().resize((32, 32)))


def stripes() -> Image.Image:
    image = np.full((SIZE, SIZE, 3), 255, np.uint8)
    image[:, ::8] = image[:, 1::8] = image[:, 2::8] = image[:, 3::8] = (200, 60, 20)
    return Image.fromarray(image)


@pytest.mark.parametrize("copied, score", [(0.0, 0.0), (1.0, 1.0), (0.5, 0.25)])
def test_the_leak_is_the_share_of_the_references_energy_in_the_blank_background(
    tmp_path: Path, copied: float, score: float,
) -> None:
    bench = benchmark(tmp_path, pair(busy=True), stripes())
    result = Image.blend(rectangles(), stripes(), copied)  # half the contrast has a quarter of the energy
    found = measures.measure(bench, pair(busy=True), result, rectangles())
    assert found.leaks is not None
    assert leak.leak_score([found.leaks["edge"]]) == pytest.approx(score, abs=0.01)
    assert leak.leak_score([found.leaks["colour"]]) == pytest.approx(score, abs=0.01)


def test_a_plain_reference_has_no_leak_score(tmp_path: Path) -> None:
    bench = benchmark(tmp_path, pair(), stripes())
    assert measures.measure(bench, pair(), stripes(), rectangles()).leaks is None


def test_lines_are_kept_by_a_picture_that_has_them_and_lost_by_one_that_has_not() -> None:
    drawn = sketch_of_two()
    assert measures.line_share(drawn, drawn.convert("RGB")) == 1
    assert measures.line_share(drawn, rectangles()) == 0
    moved = Image.new("L", drawn.size, 255)
    moved.paste(drawn, (2, 0))
    assert measures.line_share(drawn, moved.convert("RGB")) == 1  # within 2 px
    half = drawn.convert("RGB")
    half.paste("white", (32, 0, SIZE, SIZE))
    assert measures.line_share(drawn, half) == pytest.approx(0.5, abs=0.02)


def test_the_inside_of_a_black_area_is_no_line() -> None:
    drawn = Image.new("L", (SIZE, SIZE), 255)
    ImageDraw.Draw(drawn).rectangle((16, 16, 47, 47), fill=0)
    outline = Image.new("RGB", (SIZE, SIZE), "white")
    ImageDraw.Draw(outline).rectangle((16, 16, 47, 47), fill=RED)
    assert measures.line_share(drawn, outline) == 1
    assert measures.line_share(drawn, rectangles()) == 0


def test_flatness_is_the_share_of_an_areas_pixels_away_from_lines_that_have_its_colour() -> None:
    lines = np.asarray(sketch_of_two()) < measures.DARK
    region = np.zeros((SIZE, SIZE), bool)
    region[13:51, 5:27] = region[13:51, 37:59] = True  # both fields; 2 px from their outlines 18 x 34 are left of each
    away = away_from_lines(lines)
    assert (region & away).sum() == 2 * 18 * 34
    assert flat_pixels(rectangles(RED, BLUE), region, away) == FlatPixels(2 * 18 * 34, 2 * 18 * 34)
    specks = rectangles(RED, BLUE)
    ImageDraw.Draw(specks).rectangle((10, 20, 14, 24), fill="yellow")  # 25 px of the left field
    ImageDraw.Draw(specks).rectangle((5, 13, 6, 50), fill="yellow")  # beside the line: nobody's
    assert flat_pixels(specks, region, away) == FlatPixels(2 * 18 * 34 - 25, 2 * 18 * 34)
    assert flatness([FlatPixels(1, 2), FlatPixels(8, 8)]) == 0.9 and flatness([]) is None


def test_a_shade_that_an_eye_hardly_sees_is_flat_and_one_beyond_is_not() -> None:
    region, away = np.ones((SIZE, SIZE), bool), away_from_lines(np.zeros((SIZE, SIZE), bool))
    for grey, expected in ((130, 1.0), (140, 0.75)):  # a quarter is 2.3 or 5.9 from the others
        picture = Image.new("RGB", (SIZE, SIZE), (124, 124, 124))
        picture.paste((grey,) * 3, (0, 0, SIZE // 2, SIZE // 2))
        found = flat_pixels(picture, region, away)
        assert found.flat / found.all == expected


def test_an_area_too_small_to_judge_is_not_counted() -> None:
    region = np.zeros((SIZE, SIZE), bool)
    region[:5, :6] = True
    assert flat_pixels(rectangles(), region, np.ones_like(region)) == FlatPixels(0, 0)


def test_the_flatness_of_a_pair_is_that_of_its_parts_and_of_its_background(tmp_path: Path) -> None:
    bench = benchmark(tmp_path, pair(), rectangles(RED, BLUE, background=GREEN))
    picture = rectangles(RED, BLUE, background=GREEN)
    ImageDraw.Draw(picture).rectangle((0, 0, SIZE, 3), fill="black")  # 4 of the 10 rows above the fields; 10 are below
    found = measures.summary({pair(): measures.measure(bench, pair(), picture)})["flat"]
    assert found["parts"] == 1.0 and found["background"] == 0.8  # type: ignore[index]


def test_reconstruction_of_the_picture_itself_is_perfect_and_of_another_known() -> None:
    black, grey = (Image.new("RGB", (8, 8), (v,) * 3) for v in (0, 51))
    assert measures.reconstruction(grey, grey)["difference"] == 0
    found = measures.reconstruction(grey, black)
    assert found["psnr"] == pytest.approx(10 * np.log10(25), abs=1e-6)  # (255 / 51)^2 = 25
    assert found["difference"] == pytest.approx(float(ciede2000(lab_of(np.zeros(3)), lab_of(np.full(3, 51.0)))))


def test_shares_count_what_is_within_ten_and_twenty() -> None:
    assert measures.shares([1, 10, 15, 20, 21]) == {"count": 5, "median": 15.0, "within_10": 0.4, "within_20": 0.8}
    assert measures.shares([])["within_20"] is None


def test_the_background_is_no_part_in_the_summary(tmp_path: Path) -> None:
    bench = benchmark(tmp_path, pair(), rectangles(RED, BLUE, background=GREEN))
    found = measures.summary({pair(): measures.measure(bench, pair(), rectangles(RED, BLUE))})  # background is wrong
    assert found["parts"]["count"] == 2 and found["parts"]["within_20"] == 1  # type: ignore[index]
    assert found["by_label"]["background"]["within_20"] == 0  # type: ignore[index]

"""Areas put right by hints and by a palette."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from lib_colorize.cli.commands import main
from lib_colorize.errors import ColorizeError
from lib_colorize.finishing.colour import colour_distance
from lib_colorize.finishing.divided import finish
from lib_colorize.finishing.drawing import drawing_on_white
from lib_colorize.finishing.finished import Finished
from lib_colorize.finishing.hints import hint_colours
from lib_colorize.finishing.palettes import palette_of_bytes, read_palette
from lib_colorize.finishing.recolour import locked, recoloured
from lib_colorize.finishing.result import Finishing
from lib_colorize.method.settings import Settings
from lib_colorize.pictures.colour_spaces import lab_of
from lib_colorize.pictures.extras import Extras
from lib_colorize.pictures.opened_page import open_page
from tests.test_finishing import SIZE, two_rooms
from tools.reading_check.desks import photo

DRAWING = np.asarray(two_rooms())


def shaded() -> Finished:
    """Rooms of one blue with a darker lower half, on green."""
    painted = Image.new("RGB", (SIZE, SIZE), "green")
    draw = ImageDraw.Draw(painted)
    draw.rectangle((60, 60, 580, 580), fill=(90, 120, 220))
    draw.rectangle((60, 480, 580, 580), fill=(45, 60, 110))
    return finish(DRAWING, painted)


def strokes(*drawn: tuple[tuple[int, int, int, int], str], paper: str | None = None) -> Image.Image:
    hints = Image.new("RGBA", (SIZE, SIZE)) if paper is None else two_rooms()
    for line, colour in drawn:
        ImageDraw.Draw(hints).line(line, fill=colour, width=9)
    return hints


def test_the_palette_of_a_picture_of_many_colours_holds_none_that_it_has_not(tmp_path: Path) -> None:
    """Pillow 9.5, of both WebUIs, fills the table of a quantized picture up with black."""
    noise = np.random.default_rng(0).integers(120, 250, (64, 64, 3)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "light.png")
    found = read_palette(tmp_path / "light.png")
    assert 16 < len(found) <= 32 and found.min() >= 120


def test_what_is_transparent_in_a_palettes_picture_is_no_colour(tmp_path: Path) -> None:
    dots = Image.new("RGBA", (64, 64))
    ImageDraw.Draw(dots).rectangle((8, 8, 20, 20), fill="tan")
    dots.save(tmp_path / "dots.png")
    assert read_palette(tmp_path / "dots.png").tolist() == [[210, 180, 140]]
    Image.new("RGBA", (64, 64)).save(tmp_path / "nothing.png")
    with pytest.raises(ColorizeError, match="holds 0 colours"):
        read_palette(tmp_path / "nothing.png")


@pytest.mark.parametrize("area, palette", [("white", (0, 0, 0)), ("blue", (255, 255, 0))])
def test_without_a_limit_no_area_keeps_a_colour_that_is_not_the_palettes(
        area: str, palette: tuple[int, int, int]) -> None:
    before = finish(DRAWING, Image.new("RGB", (SIZE, SIZE), area))
    found = locked(before, np.array([palette], np.uint8), Settings().palette_limit)
    assert set(found.values()) == {palette} and len(found) == before.labels.max()


@pytest.mark.parametrize("paper", [None, "sketch"])
def test_a_stroke_sets_its_area_and_nothing_else(paper: str | None) -> None:
    before = shaded()
    hints = strokes(((120, 200, 280, 300), "red"), paper=paper)
    after = recoloured(*hint_colours(hints, DRAWING, before))
    left = before.labels == before.labels[320, 200]
    assert np.array_equal(after.colours[~left], before.colours[~left])
    assert tuple(after.colours[200, 200]) == (255, 0, 0)
    dark = after.colours[530, 200]
    assert 90 < dark[0] < 165 and dark[1] == dark[2] == 0, "the shadow stays, in the new colour"


@pytest.mark.parametrize("paper, ink", [((236, 226, 190), (40, 30, 30)), ((20, 24, 60), (240, 240, 250))])
def test_strokes_over_a_copy_of_yellowed_paper_or_of_light_lines_are_the_strokes_alone(
        paper: tuple[int, int, int], ink: tuple[int, int, int]) -> None:
    sketch = Image.composite(Image.new("RGB", (SIZE, SIZE), paper), Image.new("RGB", (SIZE, SIZE), ink),
                             two_rooms().convert("L"))
    drawing = drawing_on_white(sketch, Settings())
    hints = sketch.copy()
    ImageDraw.Draw(hints).line((120, 200, 280, 300), fill="red", width=9)
    before = finish(drawing, Image.new("RGB", (64, 64), "tan"))
    _, given = hint_colours(hints, drawing, before, sketch)
    assert dict(given) == {int(before.labels[320, 200]): (255, 0, 0)}
    page = open_page(sketch, Settings())
    after = Finishing(page, Settings(), Extras(hints=hints)).of(Image.new("RGB", (64, 64), "tan")).image
    assert after.getpixel((200, 200)) == (255, 0, 0) and after.getpixel((440, 320)) == (210, 180, 140)


@pytest.mark.parametrize("usual, uneven, most", [((255, 220, 40), (255, 230, 60), 30), ((12, 10, 10), (5, 4, 4), 30)])
def test_what_is_hardly_uneven_in_a_bright_or_dark_colour_is_so_in_another(
        usual: tuple[int, ...], uneven: tuple[int, ...], most: int) -> None:
    before = finish(DRAWING, Image.new("RGB", (SIZE, SIZE), usual))
    colours = before.colours.copy()
    colours[300:400, 150:200] = uneven
    area = int(before.labels[320, 200])
    after = recoloured(before.with_colours(colours), {area: (200, 60, 90)}).colours
    assert tuple(after[200, 200]) == (200, 60, 90)
    assert np.abs(after[350, 170].astype(int) - after[200, 200]).max() <= most


def test_no_rim_of_the_old_colour_is_left_beside_the_lines_of_a_finished_picture() -> None:
    drawing = np.asarray(two_rooms().filter(ImageFilter.GaussianBlur(1.2)))  # borders that are hardly inked
    lined = finish(drawing, Image.new("RGB", (64, 64), (255, 150, 40))).picture()
    rng = np.random.default_rng(0)
    uneven = np.clip(np.asarray(lined).astype(int) + rng.integers(-3, 4, drawing.shape), 0, 255).astype(np.uint8)
    before = finish(drawing, Image.fromarray(uneven))
    assert np.abs(np.asarray(before.picture()).astype(int) - uneven).max() <= 1
    area = int(before.labels[320, 200])
    after = np.asarray(recoloured(before, {area: (40, 60, 200)}).picture()).astype(int)
    warm = (after[..., 0] > after[..., 2] + 60) & (before.labels == area)  # what is nearly black may be of any hue
    assert not warm.any()


def test_a_white_shine_on_a_bright_colour_stays_white_in_another() -> None:
    before = finish(DRAWING, Image.new("RGB", (SIZE, SIZE), (255, 220, 40)))
    colours = before.colours.copy()
    colours[300:400, 150:200] = 255
    after = recoloured(before.with_colours(colours), {int(before.labels[320, 200]): (40, 60, 200)}).colours
    assert tuple(after[350, 170]) == (255, 255, 255)


def test_a_stroke_that_runs_over_a_line_a_little_counts_on_its_own_side() -> None:
    before = shaded()
    hints = strokes(((100, 320, 335, 320), "#ff0000"))
    assert set(hint_colours(hints, DRAWING, before)[1]) == {int(before.labels[320, 200])}


def test_a_hint_goes_through_a_closed_gap_to_what_looks_alike() -> None:
    drawing = np.asarray(two_rooms(gap=5))
    before = finish(drawing, Image.new("RGB", (64, 64), "tan"))
    assert before.labels[320, 200] != before.labels[320, 440]
    _, found = hint_colours(strokes(((120, 200, 280, 300), "red")), drawing, before)
    assert set(found) == {int(before.labels[320, 200]), int(before.labels[320, 440])}
    _, both = hint_colours(strokes(((120, 200, 280, 300), "red"), ((400, 200, 500, 300), "blue")), drawing, before)
    assert both[int(before.labels[320, 440])] == (0, 0, 255)


def test_hints_that_are_none_are_refused() -> None:
    with pytest.raises(ColorizeError, match="64x64.*640x640"):
        hint_colours(Image.new("RGBA", (64, 64)), DRAWING, shaded())
    for empty in (Image.new("RGBA", (SIZE, SIZE)), two_rooms()):
        with pytest.raises(ColorizeError, match="no stroke"):
            hint_colours(empty, DRAWING, shaded())


def test_a_palette_takes_each_area_to_its_nearest_colour_within_the_limit() -> None:
    before = shaded()
    palette = np.array([[80, 110, 200], [250, 250, 250]], np.uint8)
    found = locked(before, palette, limit=10.0)
    assert set(found.values()) == {(80, 110, 200)}
    assert set(found) == {int(before.labels[320, 200]), int(before.labels[320, 440])}, "green is too far away"
    assert len(locked(before, palette, limit=100.0)) == 3


def gimp(colours: list[tuple[int, int, int]]) -> bytes:
    return ("GIMP Palette\nName: x\nColumns: 3\n# says\n"
            + "".join(f"{r:3d} {g:3d} {b:3d}\tnamed\n" for r, g, b in colours)).encode()


def exchange(colours: list[tuple[int, int, int]]) -> bytes:
    blocks = [struct.pack(">HIH", 0xC001, 6, 2) + "g\0".encode("utf-16-be")]
    for colour in colours:
        name = "c\0".encode("utf-16-be")
        body = struct.pack(">H", 2) + name + b"RGB " + struct.pack(">3fH", *(v / 255 for v in colour), 0)
        blocks.append(struct.pack(">HI", 1, len(body)) + body)
    return b"ASEF" + struct.pack(">HHI", 1, 0, len(blocks)) + b"".join(blocks)


def swatches(colours: list[tuple[int, int, int]]) -> bytes:
    listed = b"".join(struct.pack(">HHHHH", 0, *(v * 257 for v in colour), 0) for colour in colours)
    return struct.pack(">HH", 1, len(colours)) + listed


@pytest.mark.parametrize("suffix, make", [(".gpl", gimp), (".ase", exchange), (".aco", swatches)])
def test_palette_files(tmp_path: Path, suffix: str, make: object) -> None:
    colours = [(10, 20, 30), (200, 100, 50), (255, 255, 255)]
    file = tmp_path / f"p{suffix}"
    file.write_bytes(make(colours))  # type: ignore[operator]
    assert [tuple(colour) for colour in read_palette(file)] == colours
    assert [tuple(colour) for colour in palette_of_bytes(file.read_bytes(), "the palette")] == colours
    file.write_bytes(make(colours)[:-9] if suffix != ".gpl" else b"# none")  # type: ignore[operator]
    with pytest.raises(ColorizeError, match="expected a palette"):
        read_palette(file)


@pytest.mark.parametrize("data", [b"", b"none", b"ASEF", b"\0\1", b"GIMP Palette\n", b"\0\2\0\5"])
def test_bytes_that_are_no_palette_are_one_sentence(data: bytes) -> None:
    with pytest.raises(ColorizeError, match=r"^the palette: .*(expected a palette|neither a palette|expected 1 to)"):
        palette_of_bytes(data, "the palette")


def test_a_palette_of_bytes_may_be_a_picture() -> None:
    stripes, file = Image.new("RGB", (32, 32), "red"), io.BytesIO()
    stripes.save(file, "PNG")
    assert [tuple(colour) for colour in palette_of_bytes(file.getvalue(), "the palette")] == [(255, 0, 0)]


def test_lab_swatches_and_pictures(tmp_path: Path) -> None:
    file = tmp_path / "lab.aco"
    wanted = np.array([200, 100, 50])
    lightness, a, b = lab_of(wanted)
    file.write_bytes(struct.pack(">HH", 1, 1) + struct.pack(">HHhhH", 7, round(lightness * 100), round(a * 100),
                                                             round(b * 100), 0))
    assert float(colour_distance(lab_of(read_palette(file)[0]), lab_of(wanted))) < 1
    picture = tmp_path / "few.png"
    stripes = Image.new("RGB", (32, 32), "red")
    ImageDraw.Draw(stripes).rectangle((0, 0, 15, 31), fill="blue")
    stripes.save(picture)
    assert [tuple(colour) for colour in read_palette(picture)] == [(0, 0, 255), (255, 0, 0)]
    with pytest.raises(ColorizeError, match="no such file"):
        read_palette(tmp_path / "none.gpl")


def test_difference_is_scikit_images() -> None:
    color = pytest.importorskip("skimage.color")
    rng = np.random.default_rng(0)
    a, b = (rng.integers(0, 256, (2000, 3)) for _ in range(2))
    a[:300], b[200:500] = a[:300, :1], b[200:500, :1]  # greys: no hue
    theirs = color.deltaE_ciede2000(lab_of(a), lab_of(b))
    assert colour_distance(lab_of(a), lab_of(b)) == pytest.approx(theirs, abs=1e-6)


def test_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sketch, coloured, out = tmp_path / "s.png", tmp_path / "c.png", tmp_path / "o.png"
    two_rooms().save(sketch)
    shaded().picture().save(coloured)
    strokes(((120, 200, 280, 300), "red")).save(tmp_path / "h.png")
    assert main(["touch-up", str(sketch), str(coloured), "--hints", str(tmp_path / "h.png"), "-o", str(out)]) == 0
    assert capsys.readouterr().out.endswith("1 of 3 areas changed\n")
    assert Image.open(out).getpixel((200, 200)) == (255, 0, 0)
    strokes(((10, 10, 40, 40), "red")).save(tmp_path / "page.png")
    assert main(["touch-up", str(sketch), str(coloured), "--hints", str(tmp_path / "page.png"), "-o",
                 str(tmp_path / "p.png")]) == 0
    assert "the page around the drawing among them" in capsys.readouterr().out
    for made in ("page.png", "p.png"):
        (tmp_path / made).unlink()
    for arguments, words in (
            (["touch-up", str(sketch), str(coloured), "-o", str(tmp_path / "p.png")], "nothing to do"),
            (["touch-up", str(sketch), str(coloured), "--hints", str(sketch), "-o", str(sketch)], "one of the inputs"),
            (["touch-up", str(sketch), str(coloured), "--palette", str(tmp_path / "no.gpl"), "-o",
              str(tmp_path / "p.png")], "no such file"),
            (["layers", str(sketch), str(coloured), "-o", str(tmp_path / "l.tif")], "written as"),
            (["layers", str(sketch), str(coloured), "-o", str(tmp_path / "l.psd"), "--names", "a,b"],
             "different names"),
            (["layers", str(sketch), str(coloured), "-o", str(tmp_path / "l.psd"), "--gap", "50"], "0 to 10")):
        assert main(arguments) == 2
        said = capsys.readouterr()
        assert words in said.err and said.err.count("\n") == 1
    assert main(["layers", str(sketch), str(coloured), "-o", str(tmp_path / "l.ora")]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.png", "h.png", "l.ora", "o.png", "s.png"]


def test_a_photo_of_a_sheet_lies_under_what_was_coloured_from_it_as_the_sheet_alone(tmp_path: Path) -> None:
    shot = photo(two_rooms().convert("L"), "wood", "lamp", "turned")
    sheet = open_page(shot, Settings(fit_drawing=False)).sketch
    shot.save(tmp_path / "s.png")
    Image.new("RGB", (sheet.width // 4, sheet.height // 4), "pink").save(tmp_path / "c.png")
    Image.new("RGBA", shot.size, "blue").save(tmp_path / "h.png")  # drawn over the photo
    files = [str(tmp_path / "s.png"), str(tmp_path / "c.png")]
    assert main(["touch-up", *files, "--hints", str(tmp_path / "h.png"), "-o", str(tmp_path / "t.png")]) == 0
    assert main(["layers", *files, "-o", str(tmp_path / "l")]) == 0
    assert Image.open(tmp_path / "t.png").size == Image.open(tmp_path / "l" / "picture.png").size == sheet.size
    assert main(["layers", files[0], files[0], "-o", str(tmp_path / "whole")]) == 0  # coloured elsewhere, desk and all
    assert Image.open(tmp_path / "whole" / "picture.png").size == shot.size


def coloured_by(hints: Image.Image, drawing: Image.Image, painted: Image.Image) -> Finished:
    pixels = np.asarray(drawing)
    return recoloured(*hint_colours(hints, pixels, finish(pixels, painted)))


def test_a_room_with_strokes_of_two_colours_is_divided_at_its_door() -> None:
    room = two_rooms(gap=200)  # too wide a hole to count as closed
    after = coloured_by(strokes(((150, 320, 170, 320), "red"), ((500, 200, 520, 200), "blue")), room,
                        Image.new("RGB", (64, 64), "white"))
    rows = after.colours[100:540:40]
    assert (rows[:, 80:300] == (255, 0, 0)).all(2).mean() > 0.85  # left of the wall
    assert (rows[:, 340:560] == (0, 0, 255)).all(2).mean() > 0.85
    assert tuple(after.colours[20, 20]) == (255, 255, 255)


@pytest.mark.parametrize("paper", ["white", "tan"])
def test_the_page_stays_as_it_is_beside_a_stroke_in_an_open_room(paper: str) -> None:
    drawing = two_rooms()
    ImageDraw.Draw(drawing).rectangle((250, 570, 390, 590), fill="white")  # the frame is open below
    painted = Image.new("RGB", (64, 64), paper)
    ImageDraw.Draw(painted).rectangle((7, 7, 57, 57), fill="white")
    after = coloured_by(strokes(((150, 320, 170, 320), "red"), ((500, 320, 520, 320), "red")), drawing, painted)
    assert tuple(after.colours[320, 200]) == tuple(after.colours[320, 440]) == (255, 0, 0)
    assert after.colours[20, 20, 1] > 150 and after.colours[630, 320, 1] > 150


def test_a_stroke_on_the_page_is_for_all_of_it() -> None:
    after = coloured_by(strokes(((20, 20, 30, 30), "red")), two_rooms(), Image.new("RGB", (64, 64), "white"))
    assert tuple(after.colours[20, 20]) == tuple(after.colours[620, 620]) == (255, 0, 0)
    assert tuple(after.colours[320, 200]) == (255, 255, 255)

"""A model's picture of a sketch as the picture that is wanted: size, overlay, hints, palette, what is behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lib_colorize.engine.engine import Engine
from lib_colorize.errors import ColorizeError
from lib_colorize.finishing.divided import DividedDrawing
from lib_colorize.finishing.layers import laid_together
from lib_colorize.finishing.result import Finishing, finish_result
from lib_colorize.method.finish_settings import Enlarge, ResultSize
from lib_colorize.method.mask_settings import Backdrop
from lib_colorize.method.settings import Settings
from lib_colorize.pictures.extras import NO_EXTRAS, Extras
from lib_colorize.pictures.opened_page import open_page
from lib_colorize.pictures.overlay import overlay_lines
from tests.standalone_models import draw_reference, draw_sketch, write_checkpoint
from tests.test_finishing import SIZE, smeared, two_rooms

LEFT, RIGHT, OUTSIDE = (200, 320), (440, 320), (20, 20)  # x, y in the rooms
RED = Extras(palette=((255, 0, 0),))


def result(extras: Extras = NO_EXTRAS, picture: Image.Image | None = None, **settings: object) -> Image.Image:
    asked = Settings(**settings)
    sketch = two_rooms()
    return finish_result(picture or smeared(), open_page(sketch, asked), asked, extras).image


def dot(colour: str, at: tuple[int, int] = LEFT, size: int = SIZE) -> Image.Image:
    hints = Image.new("RGBA", (size, size))
    ImageDraw.Draw(hints).ellipse((at[0] - 9, at[1] - 9, at[0] + 9, at[1] + 9), fill=colour)
    return hints


def test_with_nothing_asked_for_the_result_is_the_models_picture_itself() -> None:
    picture = smeared()
    assert result(picture=picture) is picture
    assert result(picture=picture, result_size=ResultSize.MODEL, gap=0.0) is picture


@pytest.mark.parametrize("settings", [{"line_overlay": 1.0}, {"result_size": ResultSize.SKETCH},
                                      {"result_size": ResultSize.SKETCH, "width": 64, "height": 64}])
def test_at_the_sketchs_size_no_colour_crosses_its_lines_and_they_are_its_own(settings: dict[str, object]) -> None:
    image = result(**settings)
    assert image.size == (SIZE, SIZE)
    assert image.getpixel((320, 320)) == (0, 0, 0)
    wall = [image.getpixel((x, 320)) for x in (316, 324)]
    assert wall[0][0] > 200 > 60 > wall[0][2] and wall[1][2] > 200 > 60 > wall[1][0]  # red up to it, blue from it


def test_a_fainter_overlay_lets_the_colour_through() -> None:
    assert result(line_overlay=0.4).getpixel((100, 63)) == pytest.approx((153, 0, 0), abs=12)


def test_a_faint_overlay_leaves_no_line_fainter_than_the_model_painted_it() -> None:
    painted = smeared()
    ImageDraw.Draw(painted).line([(0, 6), (63, 6)], fill=(20, 0, 0), width=1)  # along the upper line of the rooms
    faint, full = (result(picture=painted, line_overlay=strength) for strength in (0.1, 1.0))
    at = (100, 63)
    assert full.getpixel(at) == (0, 0, 0) and sum(faint.getpixel(at)) < 150  # the model's own is nearly black
    away = (200, 320)
    assert faint.getpixel(away) == full.getpixel(away)


def test_plain_enlarging_is_the_overlay_as_it_was() -> None:
    settings, sketch = Settings(line_overlay=1.0, enlarge=Enlarge.PLAIN), two_rooms()
    made = Finishing(open_page(sketch, settings), settings, NO_EXTRAS)
    assert not made.snaps  # so that the lines are laid over before
    lined = overlay_lines(smeared(), sketch, settings)
    assert made.of(lined).image is lined
    large = result(enlarge=Enlarge.PLAIN, result_size=ResultSize.SKETCH)
    assert large.tobytes() == smeared().resize((SIZE, SIZE), Image.Resampling.LANCZOS).tobytes()


def test_a_wanted_size_with_an_overlay_alone_stays_the_models_picture() -> None:
    settings = Settings(line_overlay=1.0, width=96, height=64)
    assert not Finishing(open_page(two_rooms(), settings), settings, NO_EXTRAS).snaps


@pytest.mark.parametrize("size", [ResultSize.AUTO, ResultSize.MODEL])
def test_a_hint_changes_its_area_in_its_place_on_a_canvas_of_a_wanted_size(size: ResultSize) -> None:
    canvas = Image.new("RGB", (96, 64), "tan")  # the drawing is letterboxed into its middle
    canvas.paste(smeared(), (16, 0))
    image = result(Extras(hints=dot("#00ffff")), canvas, width=96, height=64, result_size=size)
    assert image.size == (96, 64)
    assert image.getpixel((3, 32)) == canvas.getpixel((3, 32))
    assert image.getpixel((16 + 20, 32)) == pytest.approx((0, 255, 255), abs=3)
    assert image.getpixel((16 + 44, 32))[2] > 200  # the other room is blue as it was


def test_hints_and_a_palette_give_the_sketchs_size_unless_the_models_is_asked_for() -> None:
    for extras in (Extras(hints=dot("#00ffff")), RED):
        assert result(extras).size == (SIZE, SIZE)
        assert result(extras, result_size=ResultSize.MODEL).size == smeared().size


def test_a_palette_draws_every_area_to_it_but_not_beyond_the_limit() -> None:
    image = result(RED)
    assert {image.getpixel(at)[1:] for at in (LEFT, RIGHT, OUTSIDE)} == {(0, 0)}
    near = result(RED, palette_limit=10.0)
    assert near.getpixel(LEFT)[:1] == (255,) and near.getpixel(RIGHT)[2] > 200


def test_hints_are_looked_at_before_any_picture_is_made() -> None:
    settings = Settings()
    page = open_page(two_rooms(), settings)
    with pytest.raises(ColorizeError, match="hints are 320x320, the sketch 640x640"):
        Finishing(page, settings, Extras(hints=dot("red", size=320)))
    with pytest.raises(ColorizeError, match="no stroke"):
        Finishing(page, settings, Extras(hints=Image.new("RGBA", (SIZE, SIZE))))


def test_layers_of_a_picture_are_there_whatever_its_size_and_give_it() -> None:
    settings = Settings()
    plain = finish_result(smeared(), open_page(two_rooms(), settings), settings, NO_EXTRAS)
    assert plain.image.size == (64, 64) and plain.finished.labels.shape == (SIZE, SIZE)
    settings = Settings(line_overlay=1.0)
    lined = finish_result(smeared(), open_page(two_rooms(), settings), settings, RED)
    assert np.abs(laid_together(lined.finished.layers()).astype(int) - np.asarray(lined.image)).max() <= 1


@pytest.mark.parametrize("extras", [NO_EXTRAS, RED])
def test_what_is_behind_the_figure_goes_by_whole_areas(extras: Extras) -> None:
    cut = smeared().convert("RGBA")
    mask = Image.new("L", cut.size)
    ImageDraw.Draw(mask).rectangle((4, 4, 59, 59), fill=255)  # 2 px off the frame of the rooms, all around
    cut.putalpha(mask)
    clear = result(extras, cut, backdrop=Backdrop.TRANSPARENT, line_overlay=1.0)
    alpha = np.asarray(clear)[..., 3]
    assert alpha[40, 40] == alpha[56, 320] == 0 and alpha[61, 320] == alpha[68, 68] == alpha[320, 320] == 255
    plain = result(extras, cut, backdrop=Backdrop.PLAIN, backdrop_colour="#ffe0a0", line_overlay=1.0)
    assert plain.mode == "RGB" and plain.getpixel((56, 320)) == (255, 224, 160) == plain.getpixel(OUTSIDE)
    assert plain.getpixel(LEFT) == clear.getpixel(LEFT)[:3]


def test_a_fitted_drawing_is_finished_on_all_of_its_page() -> None:
    sketch = Image.new("RGB", (1600, 1600), "white")
    sketch.paste(two_rooms(), (900, 900))
    settings = Settings(line_overlay=1.0)
    page = open_page(sketch, settings)
    assert page.box is not None
    painted = page.put_back(Image.new("RGB", (128, 128), "orange"))
    hints = Image.new("RGBA", sketch.size)
    hints.paste(dot("#0000ff"), (900, 900))
    image = finish_result(painted, page, settings, Extras(hints=hints)).image
    assert image.size == (1600, 1600)
    assert image.getpixel((900 + LEFT[0], 900 + LEFT[1])) == (0, 0, 255)
    assert image.getpixel((900 + RIGHT[0], 900 + RIGHT[1])) == pytest.approx((255, 165, 0), abs=3)
    assert image.getpixel((900 + 320, 900 + 320)) == (0, 0, 0)  # the wall


def test_a_sketch_of_one_open_line_keeps_the_models_colours() -> None:
    sketch = Image.new("RGB", (SIZE, SIZE), "white")
    ImageDraw.Draw(sketch).line((100, 100, 500, 140), fill="black", width=5)
    painted = Image.new("RGB", (64, 64), "red")
    painted.paste("blue", (0, 40, 64, 64))
    settings = Settings(line_overlay=1.0)
    image = finish_result(painted, open_page(sketch, settings), settings, NO_EXTRAS).image
    assert image.getpixel((320, 200)) == pytest.approx((255, 0, 0), abs=8)
    assert image.getpixel((320, 600)) == pytest.approx((0, 0, 255), abs=8)


def test_the_areas_of_a_sketch_are_found_once_for_a_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = write_checkpoint(tmp_path / "model.safetensors")
    sketch, reference = (Image.open(draw(tmp_path / name)).convert("RGB")
                         for draw, name in ((draw_sketch, "s.png"), (draw_reference, "r.png")))
    found: list[object] = []
    usual = DividedDrawing.of
    monkeypatch.setattr(DividedDrawing, "of", lambda *args: found.append(args) or usual(*args))
    engine = Engine.load(checkpoint, device="cpu")
    made = engine.colorize(sketch, reference, Settings(steps=1, batch=3, line_overlay=1.0))
    assert len(found) == 1 and len({each.image.tobytes() for each in made}) == 3
    alone, = engine.colorize(sketch, reference, made[2].settings)
    assert alone.image.tobytes() == made[2].image.tobytes()
    assert made[0].finished.picture().tobytes() == made[0].image.tobytes()
    plain, = engine.colorize(sketch, reference, Settings(steps=1))
    as_it_was, = engine.colorize(sketch, reference, Settings(steps=1, line_overlay=1.0, enlarge=Enlarge.PLAIN))
    assert as_it_was.image.tobytes() == overlay_lines(plain.image, sketch, Settings(line_overlay=1.0)).tobytes()

"""A plain colour or nothing behind the figure: of a result, in the engine, on the command line, with lines over it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lib_colorize.cli.commands import main
from lib_colorize.engine.engine import Engine
from lib_colorize.errors import ColorizeError
from lib_colorize.method.mask_settings import Backdrop
from lib_colorize.method.settings import Settings
from lib_colorize.pictures.backdrop import backdrop_colour, backdrop_extras, cut_out, on_backdrop
from lib_colorize.pictures.extras import Extras
from tests.standalone_models import draw_reference, draw_sketch, write_checkpoint

PLAIN = Settings(backdrop=Backdrop.PLAIN, backdrop_colour="#ffe0a0", steps=1)
CLEAR = Settings(backdrop=Backdrop.TRANSPARENT, steps=1)
ROOM = (60, 20, 140, 100)  # of a sketch of 200 x 120


def drawn(fill: str | None, ground: str) -> Image.Image:
    picture = Image.new("RGB", (200, 120), ground)
    ImageDraw.Draw(picture).rectangle(ROOM, fill=fill, outline="black", width=3)
    return picture


@pytest.fixture(scope="module")
def folder(module_folder: Path) -> Path:
    write_checkpoint(module_folder / "model.safetensors")
    drawn(None, "white").save(module_folder / "sketch.png")
    drawn("red", "skyblue").save(module_folder / "reference.png")
    return module_folder


@pytest.fixture(scope="module")
def engine(folder: Path) -> Engine:
    return Engine.load(folder / "model.safetensors", device="cpu")


def figure_of(size: tuple[int, int]) -> np.ndarray:
    """True well within the room, at that size."""
    picture = Image.new("L", (200, 120))
    ImageDraw.Draw(picture).rectangle((64, 24, 136, 96), fill=255)
    return np.asarray(picture.resize(size)) == 255


def ground_of(size: tuple[int, int]) -> np.ndarray:
    """True well outside of it."""
    picture = Image.new("L", (200, 120), 255)
    ImageDraw.Draw(picture).rectangle((50, 10, 150, 110), fill=0)
    return np.asarray(picture.resize(size)) == 255


def test_colour_and_mask_are_mixed_by_the_masks_grey():
    result, mask = Image.new("RGB", (3, 1), (100, 200, 0)), Image.new("L", (3, 1))
    for x, grey in enumerate((0, 51, 255)):
        mask.putpixel((x, 0), grey)
    plain = on_backdrop(cut_out(result, mask), PLAIN)
    assert [plain.getpixel((x, 0)) for x in (0, 2)] == [(255, 224, 160), (100, 200, 0)]
    assert np.abs(np.array(plain.getpixel((1, 0))) - (224, 219.2, 128)).max() <= 1  # 0.2 of the result
    clear = on_backdrop(cut_out(result, mask), CLEAR)
    assert [clear.getpixel((x, 0)) for x in range(3)] == [(100, 200, 0, grey) for grey in (0, 51, 255)]


@pytest.mark.parametrize("overlay, size", [(0.0, None), (1.0, None), (1.0, (64, 64))], ids=["own", "lined", "wanted"])
def test_the_engine_puts_it_behind_the_figure_and_leaves_the_figure(engine, folder, overlay, size):
    sketch, reference = (Image.open(folder / f"{name}.png").convert("RGB") for name in ("sketch", "reference"))
    sides = {} if size is None else {"width": size[0], "height": size[1]}
    usual, plain, clear = (engine.colorize(sketch, reference, settings.with_(line_overlay=overlay, **sides))[0].image
                           for settings in (Settings(steps=1), PLAIN, CLEAR))
    assert (plain.mode, clear.mode) == ("RGB", "RGBA") and plain.size == clear.size == usual.size
    if size is None:
        inside, outside = figure_of(usual.size), ground_of(usual.size)
        assert np.array_equal(np.asarray(plain)[inside], np.asarray(usual)[inside])
        assert np.array_equal(np.asarray(clear)[inside][:, :3], np.asarray(usual)[inside])
        assert np.asarray(clear)[inside][:, 3].min() == 255
        assert (np.asarray(plain)[outside] == (255, 224, 160)).all() and np.asarray(clear)[outside][:, 3].max() == 0
    else:  # letterboxed: 64 x 38 in the middle
        alpha = np.asarray(clear)[..., 3]
        assert alpha[:10].max() == 0 and alpha[-10:].max() == 0 and alpha[32, 32] == 255 and alpha[32, 5] == 0
        assert (np.asarray(plain)[:10] == (255, 224, 160)).all()


def test_a_drawing_on_a_large_page_lies_on_the_colour_all_over(engine, folder):
    page = Image.new("RGB", (800, 700), "white")
    page.paste(Image.open(folder / "sketch.png").crop((55, 15, 145, 105)), (500, 400))
    reference = Image.open(folder / "reference.png").convert("RGB")
    plain, clear = (engine.colorize(page, reference, settings)[0].image for settings in (PLAIN, CLEAR))
    x, y = plain.width / 800, plain.height / 700
    for at in ((20, 20), (780, 680), (480, 440)):
        assert plain.getpixel((int(at[0] * x), int(at[1] * y))) == (255, 224, 160)
        assert clear.getpixel((int(at[0] * x), int(at[1] * y)))[3] == 0
    assert clear.getpixel((int(545 * x), int(445 * y)))[3] == 255


def test_a_drawn_mask_says_what_the_figure_is(engine, folder):
    sketch, reference = (Image.open(folder / f"{name}.png").convert("RGB") for name in ("sketch", "reference"))
    mask = Image.new("L", sketch.size)
    ImageDraw.Draw(mask).rectangle((0, 0, 99, 119), fill=255)
    alpha = np.asarray(engine.colorize(sketch, reference, CLEAR, None, Extras(sketch_mask=mask))[0].image)[..., 3]
    assert alpha[:, :alpha.shape[1] // 2 - 2].min() == 255 and alpha[:, alpha.shape[1] // 2 + 2:].max() == 0


def test_what_cannot_be_is_told_before_anything_is_computed(engine, folder):
    sketch = Image.open(folder / "sketch.png").convert("RGB")
    for settings, extras, words in (
        (PLAIN.with_(backdrop_colour="ivory"), Extras(), "found 'ivory', expected #rrggbb"),
        (PLAIN, Extras(background=sketch), "a background picture, and the background 'plain'"),
        (CLEAR, Extras(sketch_mask=Image.new("L", (20, 20), 255)), "20x20 pixels, expected the sketch's own 200x120"),
        (CLEAR, Extras(sketch_mask=Image.new("L", sketch.size, 255)), "all white"),
    ):
        with pytest.raises(ColorizeError, match=words):
            engine.colorize(sketch, sketch, settings, lambda done, of: pytest.fail("sampled"), extras)


def test_a_background_picture_is_emptied_of_what_stands_in_front():
    picture = Image.new("RGB", (200, 120), (190, 215, 240))
    ImageDraw.Draw(picture).ellipse((60, 20, 140, 100), fill=(140, 20, 30))
    emptied = backdrop_extras(Extras(background=picture), Settings(remove_foreground=True)).background
    assert emptied is not None and emptied.size == picture.size
    assert emptied.getpixel((100, 60)) == (255, 255, 255) and emptied.getpixel((8, 8)) == (190, 215, 240)
    assert backdrop_extras(Extras(background=picture), Settings()).background is picture


@pytest.mark.parametrize("text", ["", "#fff", "ffffff", "#gggggg", "#ffffff ff", "white"])
def test_a_colour_is_six_digits(text):
    with pytest.raises(ColorizeError, match="expected #rrggbb"):
        backdrop_colour(text)


def test_a_transparent_result_is_written_with_its_record_and_made_again_bit_for_bit(folder, capsys):
    model = ["--checkpoint", str(folder / "model.safetensors"), "--quiet"]
    first, again = folder / "first.png", folder / "again.png"
    assert main(["colorize", str(folder / "sketch.png"), str(folder / "reference.png"), "-o", str(first),
                 "--steps", "1", "--backdrop", "transparent", "--line-overlay", "1", *model]) == 0
    assert main(["colorize", "--from-png", str(first), "-o", str(again), "--checkpoint", model[1], "--quiet"]) == 0
    with Image.open(first) as one, Image.open(again) as other:
        assert one.mode == "RGBA" and one.size == (200, 120) and one.tobytes() == other.tobytes()
    assert main(["colorize", str(folder / "sketch.png"), str(folder / "reference.png"), "-o", str(folder / "a.jpg"),
                 "--backdrop", "transparent", *model]) == 2
    assert "a JPEG holds no transparency" in capsys.readouterr().err


def test_the_mask_command_writes_the_mask_and_says_where_it_came_from(folder, capsys):
    mask = folder / "mask.png"
    assert main(["mask", str(folder / "sketch.png"), "-o", str(mask)]) == 0
    assert "mask of the sketch: its outlines" in capsys.readouterr().out
    with Image.open(mask) as image:
        assert image.mode == "L" and image.size == (200, 120)
        assert image.getpixel((100, 60)) == 255 and image.getpixel((5, 5)) == 0
    assert main(["mask", str(folder / "reference.png"), "-o", str(mask), "--reference"]) == 0
    assert "mask of the reference: the built-in segmenter" in capsys.readouterr().out
    assert main(["mask", str(folder / "sketch.png"), "-o", str(folder / "sketch.png")]) == 2
    assert "one of the inputs" in capsys.readouterr().err
    assert main(["mask", str(folder / "sketch.png"), "-o", str(folder / "mask.jpg")]) == 2


def test_a_folder_of_transparent_results_as_jpeg_is_refused_by_the_option_that_was_typed(tmp_path, capsys) -> None:
    for name in ("in", "out"):
        (tmp_path / name).mkdir()
    draw_sketch(tmp_path / "in" / "sketch.png")
    draw_reference(tmp_path / "reference.png")
    assert main(["colorize", str(tmp_path / "in"), str(tmp_path / "reference.png"), "-o", str(tmp_path / "out"),
                 "--format", "jpg", "--backdrop", "transparent", "--quiet"]) == 2
    assert "--format jpg: a JPEG holds no transparency; name png or webp" in capsys.readouterr().err
    assert not list((tmp_path / "out").iterdir())

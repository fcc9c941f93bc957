"""layers and touch-up as commands: what is transparent, what is behind the figure, lines that stay in the colours."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lib_colorize.cli.commands import main
from tests.coloured_files import colorize
from tests.standalone_models import draw_reference, draw_sketch, write_checkpoint
from tests.test_finishing import SIZE, smeared, two_rooms


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """sketch.png, coloured.png of a tenth of its size, clear.png with nothing outside the rooms."""
    two_rooms().save(tmp_path / "sketch.png")
    smeared().save(tmp_path / "coloured.png")
    mask = Image.new("L", (SIZE, SIZE))
    ImageDraw.Draw(mask).rectangle((60, 60, 580, 580), fill=255)
    clear = smeared().resize((SIZE, SIZE), Image.Resampling.NEAREST)
    clear.putalpha(mask)
    clear.save(tmp_path / "clear.png")
    return tmp_path


def layers(pair: Path, coloured: str, *more: str) -> dict[str, np.ndarray]:
    """Pixels of each layer by its name, and of "picture"."""
    out = pair / "out"
    assert main(["layers", str(pair / "sketch.png"), str(pair / coloured), "-o", str(out), *more]) == 0
    order = json.loads((out / "layers.json").read_text(encoding="utf-8"))["from the bottom"]
    files = {each["name"]: each["file"] for each in order} | {"picture": "picture.png"}
    return {name: np.asarray(Image.open(out / file)) for name, file in files.items()}


@pytest.mark.parametrize("coloured, more", [("clear.png", ()), ("coloured.png", ("--backdrop", "transparent"))])
def test_nothing_is_outside_the_drawing_where_that_is_given_or_asked_for(
    pair: Path, coloured: str, more: tuple[str, ...],
) -> None:
    found = layers(pair, coloured, *more)
    for name in ("picture", "colour", "flats", "shade"):
        assert found[name].shape[2] == 4, name
        assert found[name][30, 30, 3] == 0 and found[name][320, 200, 3] == 255, name
    assert found["picture"][60, 320, 3] == 255  # the outline, whole


def test_a_plain_colour_lies_behind_the_figure(pair: Path) -> None:
    found = layers(pair, "coloured.png", "--backdrop", "plain", "--backdrop-colour", "#102030")
    assert tuple(found["picture"][30, 30]) == (16, 32, 48) and found["picture"].shape[2] == 3
    assert found["picture"][320, 200, 0] > 200


def test_a_mask_says_which_figure(pair: Path) -> None:
    mask = Image.new("L", (SIZE, SIZE))
    mask.paste(255, (320, 60, 580, 580))  # the right room alone
    mask.save(pair / "mask.png")
    found = layers(pair, "coloured.png", "--backdrop", "transparent", "--sketch-mask", str(pair / "mask.png"))
    assert found["picture"][320, 200, 3] == 0 and found["picture"][320, 440, 3] == 255


def test_touching_up_keeps_what_is_transparent(pair: Path) -> None:
    hints = Image.new("RGBA", (SIZE, SIZE))
    ImageDraw.Draw(hints).ellipse((190, 310, 210, 330), fill="#00ffff")
    hints.save(pair / "hints.png")
    code = main(["touch-up", str(pair / "sketch.png"), str(pair / "clear.png"), "--hints", str(pair / "hints.png"),
                 "-o", str(pair / "better.png")])
    better = Image.open(pair / "better.png")
    assert code == 0 and better.mode == "RGBA"
    assert better.getpixel((30, 30))[3] == 0 and better.getpixel((200, 200)) == (0, 255, 255, 255)


def test_a_picture_with_the_models_own_lines_under_the_overlay_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    write_checkpoint(tmp_path / "model.safetensors")
    draw_sketch(tmp_path / "sketch.png", (400, 300))
    draw_reference(tmp_path / "reference.png")
    for name, more in (("snapped", ()), ("plain", ("--enlarge", "plain"))):
        assert colorize(tmp_path, tmp_path / f"{name}.png", "--line-overlay", "1", *more) == 0
        assert main(["layers", str(tmp_path / "sketch.png"), str(tmp_path / f"{name}.png"), "-o",
                     str(tmp_path / name)]) == 0
        assert ("the model's own lines" in capsys.readouterr().err) is (name == "plain")
        picture = np.asarray(Image.open(tmp_path / name / "picture.png")).astype(int)
        assert np.abs(picture - np.asarray(Image.open(tmp_path / f"{name}.png"))).max() <= 1


@pytest.mark.parametrize("sketch, out", [("art.psd", "art.psd"), ("art/picture.png", "art")])
def test_layers_are_never_written_over_the_pictures_that_they_are_made_of(
    pair: Path, capsys: pytest.CaptureFixture[str], sketch: str, out: str,
) -> None:
    (pair / "art").mkdir()
    (pair / sketch).write_bytes((pair / "sketch.png").read_bytes())  # content says what it is
    assert main(["layers", str(pair / sketch), str(pair / "coloured.png"), "-o", str(pair / out), "--force"]) == 2
    assert "one of the inputs" in capsys.readouterr().err
    assert (pair / sketch).read_bytes() == (pair / "sketch.png").read_bytes()


def test_a_mask_that_nothing_uses_is_told_and_none_is_written_over(
    pair: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    mask = str(pair / "mask.png")
    Image.new("L", (SIZE, SIZE)).save(mask)
    before, pictures = (pair / "mask.png").read_bytes(), (str(pair / "sketch.png"), str(pair / "coloured.png"))
    assert main(["layers", *pictures, "--sketch-mask", mask, "-o", str(pair / "out")]) == 2
    assert "give --backdrop" in capsys.readouterr().err and not (pair / "out").exists()
    assert main(["touch-up", *pictures, "--palette", str(pair / "coloured.png"), "--backdrop", "transparent",
                 "--sketch-mask", mask, "-o", mask, "--force"]) == 2
    assert "one of the inputs" in capsys.readouterr().err and (pair / "mask.png").read_bytes() == before

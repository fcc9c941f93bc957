"""A frame that follows the last one: how drawings are aligned, whose colours an area gets, what is begun and kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lib_colorize.cli import commands as cli
from lib_colorize.cli.result_file import read_record
from lib_colorize.engine.engine import Engine
from lib_colorize.engine.following import ANEW, BEGUN, follow
from lib_colorize.errors import ColorizeError
from lib_colorize.finishing.alignment import align
from lib_colorize.finishing.carried import carry_along
from lib_colorize.finishing.divided import DividedDrawing, finish
from lib_colorize.method.settings import Settings
from lib_colorize.pictures.extras import Extras, LastFrame, extras_of
from lib_colorize.pictures.opened_page import open_page
from tests.standalone_models import draw_reference, write_checkpoint

SIDE = 240
PARTS = {"head": "orange", "eye": "blue", "body": "green", "hand": "red"}
FLAT = Settings(photo=False, fit_drawing=False)


def figure(turn: float = 0, shift: tuple[int, int] = (0, 0), hand: int = 0, colour: bool = False) -> Image.Image:
    """A figure with a hand that moves by itself, turned about the middle and shifted."""
    picture = Image.new("RGB", (SIDE, SIDE), "white")
    pen = ImageDraw.Draw(picture)
    fill = PARTS if colour else dict.fromkeys(PARTS, "white")
    line = None if colour else "black"
    pen.rectangle((80, 120, 170, 200), fill=fill["body"], outline=line, width=3)
    pen.ellipse((90, 40, 160, 115), fill=fill["head"], outline=line, width=3)
    pen.ellipse((105, 65, 125, 85), fill=fill["eye"], outline=line, width=3)
    pen.ellipse((185 - hand, 100 + hand, 215 - hand, 130 + hand), fill=fill["hand"], outline=line, width=3)
    return picture.rotate(turn, Image.Resampling.BICUBIC, translate=shift, fillcolor="white")


def star(side: int = SIDE) -> Image.Image:
    picture = Image.new("RGB", (side, side), "white")
    ImageDraw.Draw(picture).line([(20, 20), (side - 20, 90), (30, 160), (side - 50, side - 20), (60, 30)], "black", 3)
    return picture


def ink(picture: Image.Image) -> np.ndarray:
    return 1 - np.asarray(picture.convert("L"), np.float32) / 255


@pytest.mark.parametrize("turn, shift", ((0, (0, 0)), (12, (20, -9)), (-25, (-12, 15))))
def test_a_drawing_is_found_again_where_it_was_turned_and_shifted(turn: float, shift: tuple[int, int]) -> None:
    aligned = align(ink(figure(turn, shift)), ink(figure()))
    assert aligned.agreement > 0.95
    place = np.add.outer(np.arange(SIDE) * 1000, np.arange(SIDE)).astype(np.int32)
    there = aligned.sampled(place, (SIDE, SIDE))
    moved = Image.fromarray(place).rotate(turn, Image.Resampling.NEAREST, translate=shift, fillcolor=-1)
    known = (np.asarray(moved) >= 0) & (ink(figure(turn, shift)) > 0.5)
    apart = np.hypot(*(there[known] // 1000 - np.asarray(moved)[known] // 1000,
                       there[known] % 1000 - np.asarray(moved)[known] % 1000))
    assert np.percentile(apart, 95) < 2.5


def test_a_drawing_of_another_size_is_found_again_and_another_one_is_not() -> None:
    assert align(ink(figure().resize((400, 400))), ink(figure())).agreement > 0.95
    assert align(ink(star()), ink(figure())).agreement < 0.5
    assert align(np.zeros((50, 50), np.float32), ink(figure())).agreement == 0


def carried(turn: float, shift: tuple[int, int], hand: int = 0) -> np.ndarray:
    last = finish(np.asarray(figure()), figure(colour=True))
    found = carry_along(last, DividedDrawing.of(np.asarray(figure(turn, shift, hand))))
    assert found is not None
    return found.colours


@pytest.mark.parametrize("turn, shift, hand", ((0, (0, 0), 0), (10, (12, -8), 0), (0, (0, 0), 25), (-6, (5, 5), 25)))
def test_every_area_gets_the_colours_of_the_one_that_it_was_also_one_that_moved_by_itself(
    turn: float, shift: tuple[int, int], hand: int,
) -> None:
    wanted = np.asarray(figure(turn, shift, hand, colour=True), np.float32)
    clear = ink(figure(turn, shift, hand)) < 0.02
    wrong = np.abs(carried(turn, shift, hand) - wanted).max(2) > 60
    assert (wrong & clear).mean() < 0.01


def test_another_drawing_gets_nothing() -> None:
    last = finish(np.asarray(figure()), figure(colour=True))
    assert carry_along(last, DividedDrawing.of(np.asarray(star()))) is None


def test_what_was_made_in_other_colours_is_moved_to_the_last_ones_and_keeps_its_lines() -> None:
    last = finish(np.asarray(figure()), figure(colour=True))
    found = carry_along(last, DividedDrawing.of(np.asarray(figure(8))))
    assert found is not None
    colours, lines = figure(8, colour=True), figure(8)
    painted = Image.composite(colours.point(lambda v: min(255, v // 2 + 90)), Image.new("RGB", colours.size, "black"),
                              lines.convert("L"))
    kept = np.asarray(found.kept(painted), np.float32)
    clear = ink(lines.resize((SIDE, SIDE))) < 0.02
    away = np.abs(kept - np.asarray(colours, np.float32)).max(2)
    assert np.median(away[clear]) < 4 and np.percentile(away[clear], 95) < 40
    assert kept[ink(lines) > 0.95].mean() < 40


def test_a_last_frame_is_given_whole_and_what_became_of_it_is_told() -> None:
    page = open_page(figure(5), FLAT)
    sketch, coloured = figure(), figure(colour=True).resize((64, 64))
    followed, told = follow(LastFrame(sketch, coloured, 0.5), page, FLAT)
    assert followed is not None and told == (BEGUN,) and followed.begun.size == (SIDE, SIDE)
    assert follow(LastFrame(star(), star().resize((64, 64)), 0.5), page, FLAT) == (None, (ANEW,))
    assert follow(LastFrame(sketch, coloured, 0.0), page, FLAT) == follow(None, page, FLAT) == (None, ())
    with pytest.raises(ColorizeError, match="same shape"):
        follow(LastFrame(sketch, coloured.resize((64, 30)), 0.5), page, FLAT)
    with pytest.raises(ColorizeError, match="alone"):
        extras_of({"last_sketch": sketch}, {})
    with pytest.raises(ColorizeError, match="0 to 1"):
        extras_of({"last_sketch": sketch, "last_coloured": coloured}, {"last_coloured": 2.0})


@pytest.mark.parametrize("more", ({}, {"width": 96, "height": 64}, {"second_pass": 2.0, "steps": 4}))
def test_a_followed_picture_has_the_last_ones_colours_and_what_follows_nothing_is_as_ever(
    more: dict[str, object], tiny_checkpoint: Path,
) -> None:
    engine, reference = Engine.load(tiny_checkpoint, device="cpu"), Image.new("RGB", (64, 64), "pink")
    settings = Settings(**{"steps": 2, **more})  # type: ignore[arg-type]
    size = engine.colorize(figure(), reference, settings)[0].image.size
    coloured = figure(colour=True) if not settings.width else figure(colour=True).resize((64, 64))
    if settings.width:
        frame = Image.new("RGB", size, "white")
        frame.paste(coloured, ((size[0] - 64) // 2, 0))
        coloured = frame
    (alone,) = engine.colorize(figure(6), reference, settings)
    (same,) = engine.colorize(figure(6), reference, settings, extras=Extras(last=LastFrame(star(), star(), 0.6))) \
        if not settings.width else (alone,)
    assert np.array_equal(np.asarray(same.image), np.asarray(alone.image))
    (made,) = engine.colorize(figure(6), reference, settings, extras=Extras(last=LastFrame(figure(), coloured, 0.6)))
    assert made.image.size == alone.image.size and BEGUN in made.read_as
    left = (made.image.width - made.image.height) // 2
    body = np.asarray(made.image.convert("RGB"))[round(0.75 * made.image.height), left + made.image.height // 2]
    assert np.abs(body.astype(int) - (0, 128, 0)).max() < 40


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name in ("in", "out"):
        (tmp_path / name).mkdir()
    for number, turn in ((2, 0), (10, 5), (11, 9)):
        figure(turn).save(tmp_path / "in" / f"f{number}.png")
    star().save(tmp_path / "in" / "f12.png")
    draw_reference(tmp_path / "reference.png")
    write_checkpoint(tmp_path / "model.safetensors")
    return tmp_path


def run(home: Path, *more: str) -> int:
    return cli.main(["colorize", str(home / "in"), str(home / "reference.png"), "-o", str(home / "out"), "--checkpoint",
                     str(home / "model.safetensors"), "--device", "cpu", "--steps", "2", *more])


def test_each_frame_of_a_folder_follows_the_one_before_is_repeated_and_goes_on(
    home: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(home, "--follow", "0.5") == 0
    said = capsys.readouterr().err
    assert said.count(BEGUN) == 2 and said.count(ANEW) == 1
    made = {name: (home / "out" / f"{name}.png").read_bytes() for name in ("f2", "f10", "f11", "f12")}
    first, second = (read_record(home / "out" / f"{name}.png") for name in ("f2", "f10"))
    assert not first.files and second.files["last_coloured"].name == "f2.png"
    assert second.weights == {"last_coloured": 0.5}
    (home / "out" / "f11.png").unlink()
    assert run(home, "--follow", "0.5", "--quiet") == 0
    assert (home / "out" / "f11.png").read_bytes() == made["f11"]
    again = ["colorize", "--from-png", str(home / "out" / "f10.png"), "-o", str(home / "again.png"), "--quiet"]
    assert cli.main(again) == 0
    assert (np.asarray(Image.open(home / "again.png")) == np.asarray(Image.open(home / "out" / "f10.png"))).all()
    (home / "out" / "f2.png").unlink()
    assert cli.main([*again, "--force"]) == 2
    assert "last coloured" in capsys.readouterr().err


@pytest.mark.parametrize("options, said", (
    (("--follow", "0.5", "--batch", "2"), "--batch"), (("--follow", "2"), "0 to 1"), (("--follow", "x"), "a number"),
    (("--last-sketch", "f"), "--follow"),
))
def test_what_cannot_be_followed_is_told_before_any_work(
    options: tuple[str, ...], said: str, home: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(home, *options) == 2
    told = capsys.readouterr().err
    assert said in told and told.count("\n") == 1 and not any((home / "out").iterdir())

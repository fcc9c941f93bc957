"""colorize: the sketch's own size, layers, hints and a palette, told before networks are read, and made again."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lib_colorize import whole_file
from lib_colorize.cli import commands as cli
from lib_colorize.cli.result_file import read_record
from tests.coloured_files import again, colorize, pixels
from tests.standalone_models import draw_reference, draw_sketch, write_checkpoint

PALETTE = "GIMP Palette\n255 0 0 red\n0 0 255 blue\n"


@pytest.fixture(scope="module")
def inputs(module_folder: Path) -> Path:
    write_checkpoint(module_folder / "model.safetensors")
    draw_sketch(module_folder / "sketch.png", (400, 300))
    draw_reference(module_folder / "reference.png")
    (module_folder / "two.gpl").write_text(PALETTE, encoding="utf-8")
    hints = Image.new("RGBA", (400, 300))
    ImageDraw.Draw(hints).ellipse((5, 5, 30, 30), fill="#00ff00")
    hints.save(module_folder / "hints.png")
    return module_folder


def test_the_sketchs_own_size_with_layers_and_what_made_it(inputs: Path, tmp_path: Path) -> None:
    psd_tools = pytest.importorskip("psd_tools")
    out = tmp_path / "out.png"
    asked = ("--size", "sketch", "--layers", str(tmp_path / "out.psd"), "--hints", str(inputs / "hints.png"),
             "--palette", str(inputs / "two.gpl"), "--layer-names", "線画,光,影,下塗り,色")
    assert colorize(inputs, out, *asked) == 0
    made = pixels(out)
    red, green, blue = np.median(made[6:30, 6:30].reshape(-1, 3), 0)  # shaded, as the model has it
    assert made.shape == (300, 400, 3) and green > 100 > 10 > max(red, blue)
    document = psd_tools.PSDImage.open(tmp_path / "out.psd")
    assert document[-1].name == "線画"
    assert np.abs(np.asarray(document.topil().convert("RGB")).astype(int) - made).max() <= 1
    files = read_record(out).files
    assert set(files) == {"hints", "palette"} and files["palette"].name == "two.gpl"
    assert again(out, tmp_path / "again.png", "--layers", str(tmp_path / "again")) == 0
    assert np.array_equal(pixels(tmp_path / "again.png"), made)
    order = json.loads((tmp_path / "again" / "layers.json").read_text(encoding="utf-8"))["from the bottom"]
    assert order[0]["name"] == "colour"


def test_layers_that_are_missing_are_made_and_others_never_written_over(inputs: Path, tmp_path: Path) -> None:
    out, asked = tmp_path / "out.png", ("--layers", str(tmp_path / "parts"))
    assert colorize(inputs, out) == 0
    before = out.read_bytes()
    assert colorize(inputs, out, *asked) == 0 and out.read_bytes() == before
    assert Image.open(tmp_path / "parts" / "picture.png").size == (400, 300) != Image.open(out).size
    (tmp_path / "parts" / "picture.png").write_bytes(b"mine")
    assert colorize(inputs, out, *asked) == 0
    assert colorize(inputs, tmp_path / "other.png", *asked) == 2
    assert (tmp_path / "parts" / "picture.png").read_bytes() == b"mine" and not (tmp_path / "other.png").exists()
    assert colorize(inputs, out, *asked, "--force") == 0
    assert Image.open(tmp_path / "parts" / "picture.png").size == (400, 300)


def test_each_picture_of_a_batch_has_its_layers(inputs: Path, tmp_path: Path) -> None:
    assert colorize(inputs, tmp_path / "out.png", "--batch", "2", "--layers", str(tmp_path / "out.ora")) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out-1.ora", "out-1.png", "out-2.ora", "out-2.png"]


@pytest.mark.parametrize("name, before", [("out.psd", 1), ("parts", 3)], ids=["psd", "folder"])
def test_a_full_disk_while_layers_are_written_leaves_none_of_them_and_keeps_the_picture(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str,
    before: int,
) -> None:
    usual, synced = whole_file.os.fsync, []

    def full(handle: int) -> None:
        synced.append(handle)
        if len(synced) > before:  # after the picture, and in the folder after two of its files
            raise OSError(errno.ENOSPC, "No space left on device")
        usual(handle)

    monkeypatch.setattr(whole_file.os, "fsync", full)
    assert colorize(inputs, tmp_path / "out.png", "--layers", str(tmp_path / name)) == 2
    assert "No space left" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["out.png"] and pixels(tmp_path / "out.png").size


@pytest.mark.parametrize("name", ["picture.png", "1 Colour.png"])
def test_a_picture_is_not_written_under_the_name_of_a_layer(
    inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str,
) -> None:
    assert colorize(inputs, tmp_path / name, "--layers", str(tmp_path), "--checkpoint", str(tmp_path / "none")) == 2
    assert "a file of this name too" in capsys.readouterr().err and not list(tmp_path.iterdir())
    assert colorize(inputs, tmp_path / "other.png", "--layers", str(tmp_path)) == 0
    assert {"other.png", "picture.png", "layers.json"} < {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize("option", ["--references", "--report", "--contact-sheet"])
def test_what_is_for_a_folder_is_refused_where_one_picture_is_made_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str,
) -> None:
    assert again(tmp_path / "none.png", tmp_path / "out.png", option, str(tmp_path)) == 2
    assert f"leave out {option}" in capsys.readouterr().err


@pytest.mark.parametrize("option, value, words", [
    ("--size", "large", "or sketch"), ("--layers", "out.png", "written as .psd"), ("--layers", "no/out.psd", "make it"),
    ("--layers", "sketch.png", "written as .psd"), ("--layers", "kept.psd", "inputs"), ("--gap", "11", "0 to 10"),
    ("--hints", "reference.png", "hints are"), ("--hints", "empty.png", "no stroke"),
    ("--layer-names", "a,b", "expected 5"), ("--layer-names", "a,b,c,d,e", "--layers too"),
    ("--palette", "bad.gpl", "expected a palette"),
    ("--palette", "no.gpl", "no such file"), ("--palette-limit", "-1", "0 to 100")])
def test_what_cannot_be_is_told_in_one_line_before_networks_are_read(
    inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, value: str, words: str,
) -> None:
    Image.new("RGBA", (400, 300)).save(inputs / "empty.png")
    (inputs / "bad.gpl").write_text("red, green", encoding="utf-8")
    (inputs / "kept.psd").write_bytes((inputs / "reference.png").read_bytes())  # of any name: content says what it is
    named = value if option not in ("--layers", "--hints", "--palette") else str(inputs / value)
    more = ("--background", str(inputs / "kept.psd")) if value == "kept.psd" else ()
    code = colorize(inputs, tmp_path / "out.png", option, named, *more, "--checkpoint", str(tmp_path / "none"))
    said = capsys.readouterr().err
    assert code == 2 and said.count("\n") == 1 and words in said, said
    assert not list(tmp_path.iterdir())


# a folder of sketches -------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(inputs: Path, tmp_path: Path) -> Path:
    for name in ("sketches/a.png", "sketches/deep/a.jpg", "sketches/deep/b.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        draw_sketch(tmp_path / name, (400, 300))
    (tmp_path / "out").mkdir()
    (tmp_path / "hints" / "deep").mkdir(parents=True)
    for name in ("a.png", "deep/b.png", "none.png"):
        (tmp_path / "hints" / name).write_bytes((inputs / "hints.png").read_bytes())
    return tmp_path


def colour_all(inputs: Path, folder: Path, *more: str) -> int:
    return cli.main(["colorize", str(folder / "sketches"), str(inputs / "reference.png"), "-o", str(folder / "out"),
                     "--checkpoint", str(inputs / "model.safetensors"), "--device", "cpu", "--steps", "1",
                     "--recursive", *more])


def test_a_folders_layers_lie_beside_its_pictures_and_hints_are_by_name(
    inputs: Path, folder: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    asked = ("--layers", "psd", "--hints", str(folder / "hints"), "--palette", str(inputs / "two.gpl"))
    assert colour_all(inputs, folder, *asked) == 0
    assert "hints of no sketch's name: none.png" in capsys.readouterr().err
    out = folder / "out"
    made = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.*"))
    assert made == ["a.png", "a.psd", "deep/a.png", "deep/a.psd", "deep/b.png", "deep/b.psd"]
    hinted = {name for name in ("a.png", "deep/a.png", "deep/b.png") if "hints" in read_record(out / name).files}
    assert hinted == {"a.png", "deep/b.png"}
    assert pixels(out / "a.png").shape == (300, 400, 3)
    before = {name: (out / name).read_bytes() for name in made}
    assert colour_all(inputs, folder, *asked) == 0  # nothing left to do
    assert "3 finished before" in capsys.readouterr().out
    (out / "deep" / "b.psd").unlink()
    assert colour_all(inputs, folder, *asked) == 0
    assert {name: (out / name).read_bytes() for name in made} == before


@pytest.mark.parametrize("option, value, words", [
    ("--layers", "out.psd", "expected psd, ora, png"), ("--hints", "hints/a.png", "not a folder"),
    ("--hints", "out", "no pictures")])
def test_what_is_of_one_sketch_is_refused_for_a_folder(
    inputs: Path, folder: Path, capsys: pytest.CaptureFixture[str], option: str, value: str, words: str,
) -> None:
    assert colour_all(inputs, folder, option, str(folder / value)) == 2
    assert words in capsys.readouterr().err
    assert not list((folder / "out").iterdir())

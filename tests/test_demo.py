"""The demo: which pictures it makes, and its sheets."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lib_colorize.cli import commands as cli
from lib_colorize.engine.contact_sheet import CAPTION, GAP, HEADER, NAME, TILE, contact_sheet, tile
from tests.standalone_models import draw_reference, draw_sketch, write_checkpoint

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def examples(module_folder: Path) -> Path:
    """Two sketches, one reference each, and a tiny random checkpoint."""
    write_checkpoint(module_folder / "model.safetensors")
    pairs = []
    for name, size, colour in (("cat", (80, 60), "orange"), ("cup", (40, 90), "green")):
        draw_sketch(module_folder / f"{name}.png", size)
        draw_reference(module_folder / f"{colour}.png", colour)
        pairs.append({"sketch": f"{name}.png", "references": [f"{colour}.png"]})
    (module_folder / "pairs.json").write_text(json.dumps(pairs))
    return module_folder


def demo(examples: Path, output: Path, *more: str) -> int:
    return cli.main(["demo", "--examples", str(examples), "-o", str(output), "--steps", "1",
                     "--checkpoint", str(examples / "model.safetensors"), *more])


def test_demo_colours_each_sketch_with_its_references(examples, tmp_path, capsys):
    out = tmp_path / "new" / "out"
    assert demo(examples, out) == 0
    assert sorted(path.name for path in out.iterdir()) == ["cat-orange.png", "contact_sheet.png", "cup-green.png"]
    assert Image.open(out / "contact_sheet.png").size == (6 * (TILE + GAP) + 4 * GAP, HEADER + TILE + 2 * GAP)
    assert str(out / "contact_sheet.png") in capsys.readouterr().out
    assert demo(examples, out) == 0  # again, over what is there


def test_a_bad_picture_is_told_before_anything_is_coloured(examples, tmp_path, capsys):
    for path in examples.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "green.png").write_bytes(b"no picture")
    assert demo(tmp_path, tmp_path / "out") == 2
    assert "green.png" in capsys.readouterr().err and list((tmp_path / "out").iterdir()) == []


def test_the_demo_lays_the_lines_over_unless_told_not_to(examples, tmp_path):
    assert demo(examples, tmp_path / "laid") == demo(examples, tmp_path / "bare", "--line-overlay", "0") == 0
    sketch = Image.open(examples / "cat.png").convert("L")
    lines = np.asarray(sketch) < 30
    laid, bare = (np.asarray(Image.open(tmp_path / folder / "cat-orange.png").convert("L").resize(sketch.size))
                  for folder in ("laid", "bare"))
    assert lines.sum() > 20 and laid[lines].max() < 60 < bare[lines].max()
    assert Image.open(tmp_path / "laid" / "cat-orange.png").size == sketch.size


@pytest.mark.parametrize("listing", ("", "[]", "{}", '[{"sketch": "cat.png"}]', '[{"sketch": 1, "references": [2]}]'))
def test_a_bad_listing_is_one_line(tmp_path, capsys, listing):
    (tmp_path / "pairs.json").write_text(listing)
    assert cli.main(["demo", "--examples", str(tmp_path), "-o", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and "pairs.json" in error and error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_the_shipped_listing_names_files_that_are_there():
    entries = json.loads((ROOT / "examples" / "pairs.json").read_text())
    names = [name for entry in entries for name in (entry["sketch"], *entry["references"])]
    assert all((ROOT / "examples" / name).is_file() for name in names)
    assert len(entries) >= 4 and all(len(set(entry["references"])) >= 2 for entry in entries)


def test_a_tile_keeps_the_shape_of_its_picture():
    square = tile(Image.new("RGB", (200, 100), "red"))
    assert square.size == (TILE, TILE)
    assert square.getpixel((TILE // 2, TILE // 2)) == (255, 0, 0)
    assert square.getpixel((TILE // 2, TILE // 8)) == (255, 255, 255)


def test_names_captions_and_close_tiles_have_room_and_the_pictures_stay_whole():
    red, blue = Image.new("RGB", (40, 40), "red"), Image.new("RGB", (40, 40), "blue")
    close = contact_sheet([[red, blue], [blue, red]], side=40, gap=0)
    assert sorted(close.getcolors()) == [(3200, (0, 0, 255)), (3200, (255, 0, 0))]
    sheet = np.asarray(contact_sheet([[red], [blue]], side=40, names=("one\ntwo", "three"), captions=(["a"], ["b"])))
    for colour in ((255, 0, 0), (0, 0, 255)):
        ys, xs = np.nonzero((sheet == colour).all(-1))
        assert len(ys) == 1600 and np.ptp(ys) == np.ptp(xs) == 39 and xs.min() > NAME
        assert (sheet[ys.min() - CAPTION:ys.min(), xs.min():] < 128).any()  # its caption
        assert (sheet[ys.min():ys.max(), :NAME] < 128).any()  # its name


def test_a_short_row_leaves_the_rest_white():
    dark = Image.new("L", (4, 4), 0)
    sheet = contact_sheet([[dark, dark], [dark]])
    assert sheet.getpixel((2 * GAP + TILE, GAP)) == (0, 0, 0)
    assert sheet.getpixel((2 * GAP + TILE, 2 * GAP + TILE)) == (255, 255, 255)

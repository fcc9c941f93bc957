"""tools/finishing_check: its parts are there, true areas and distances from their median are right."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lib_colorize.errors import ColorizeError
from tools.finishing_check.command import kept_folder, main
from tools.finishing_check.pairs import KINDS, PaintedPair, painted_pairs
from tools.finishing_check.parts import PARTS, Sources
from tools.finishing_check.snap import off_median, true_areas
from tools.finishing_check.timed import main as timed


def test_every_part_is_there_and_an_unknown_one_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert all(hasattr(importlib.import_module(part.module), "run") for part in PARTS.values())
    assert main(["no-such-part"]) == 2
    assert "expected some of" in capsys.readouterr().err


def test_true_areas_are_pieces_of_parts_that_lines_divide_and_end_two_pixels_from_them() -> None:
    labels = np.full((40, 60), 1, np.uint8)
    labels[:, 45:] = 2
    labels[:5] = 0
    drawing = np.full((40, 60, 3), 255, np.uint8)
    drawing[:, 20:22] = 0
    blank = Image.new("RGB", (60, 40))
    areas = true_areas(PaintedPair("", blank, Image.new("RGB", (8, 8)), labels, blank), drawing)
    assert len({areas[20, 10], areas[20, 30], areas[20, 50]} - {0}) == 3
    assert not areas[:5].any() and not areas[:, 18:24].any() and areas[20, 17] and areas[20, 24]


def test_a_spot_is_as_far_from_its_areas_median_as_its_colour_is() -> None:
    areas = np.ones((10, 10), np.int32)
    areas[0] = 0
    picture = np.full((10, 10, 3), 200, np.uint8)
    picture[5, 5] = (200, 60, 60)
    found = off_median(picture, areas)
    assert found.shape == (90,) and (found > 5).sum() == 1 and found.max() > 30


def test_painted_drawings_are_read_from_the_folder_and_nothing_is_made_then(tmp_path: Path) -> None:
    for number in range(16):
        for kind in KINDS:
            Image.new("L", (8, 8), number).save(tmp_path / f"{number:02d}.{kind}.png")
    pairs = list(painted_pairs(Sources(tmp_path, tmp_path / "no packages")))
    assert [int(pair.labels[0, 0]) for pair in pairs] == list(range(16)) and pairs[0].sketch.mode == "RGB"
    (tmp_path / "03.lines.png").unlink()
    with pytest.raises(ColorizeError, match="openmoji"):
        list(painted_pairs(Sources(tmp_path, tmp_path / "no packages")))


def test_each_shipped_model_has_a_folder_of_its_own(tmp_path: Path) -> None:
    names = [tmp_path / name for name in ("one", "other", "same as one")]
    for path in names:
        path.write_bytes(path.name[-3:].encode())
    one, other, same = map(kept_folder, names)
    assert one == same != other and one.parent == other.parent == kept_folder(tmp_path / "none")


def test_a_page_is_timed_with_its_files() -> None:
    found = timed(400, 300)
    assert {"seconds", "processor", "before", "peak", "psd", "ora", "written"} == set(found)
    assert all(value > 0 for value in found.values())

"""tools/reading_check: packages that are unpacked, installed or missing; goals, parts, the command's exit status."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lib_colorize.errors import ColorizeError
from tools.reading_check.command import main
from tools.reading_check.findings import ReadingFigure
from tools.reading_check.line_layers import COLOURS, MARKS, line_layer, outlines
from tools.reading_check.packages import PICTURES, Packages
from tools.reading_check.parts import PARTS
from tools.reading_check.polarity import read_as

PACKAGE = "tuxpaint-data"


@pytest.mark.parametrize("root", [PACKAGE, "."])
def test_a_package_is_found_in_a_folder_of_its_own_or_with_the_others(tmp_path: Path, root: str) -> None:
    pictures = tmp_path / root / PICTURES[PACKAGE]
    pictures.mkdir(parents=True)
    assert Packages(tmp_path, fetch=False).pictures(PACKAGE) == tmp_path / root / PICTURES[PACKAGE]


def test_a_package_that_is_nowhere_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PICTURES, PACKAGE, "usr/share/no-such-folder")
    with pytest.raises(ColorizeError, match=f"{PACKAGE}.*dpkg -x"):
        Packages(tmp_path, fetch=False).pictures(PACKAGE)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ColorizeError, match="apt-get and dpkg"):
        Packages(tmp_path).pictures(PACKAGE)


def test_a_failed_download_leaves_nothing_and_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PICTURES, PACKAGE, "usr/share/no-such-folder")
    bin = tmp_path / "bin"
    bin.mkdir()
    for name in ("apt-get", "dpkg"):
        (bin / name).write_text("#!/bin/sh\necho 'E: no such package' >&2\nexit 100\n", encoding="utf-8")
        (bin / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin}:/bin:/usr/bin")
    with pytest.raises(ColorizeError, match="no such package.*apt-get update"):
        Packages(tmp_path / "kept").pictures(PACKAGE)
    assert list((tmp_path / "kept").iterdir()) == []


def test_every_part_is_there_and_an_unknown_one_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert all(hasattr(importlib.import_module(part.module), "run") for part in PARTS.values())
    assert main(["no-such-part"]) == 2
    assert "expected some of" in capsys.readouterr().err


def test_a_missed_goal_is_said_in_the_row_and_by_the_exit_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    found = [ReadingFigure("share", 0.98, 0.99),
             ReadingFigure("seconds", 1.2, 1.5, at_most=True, unit="s"), ReadingFigure("beside", 3)]
    monkeypatch.setattr("tools.reading_check.polarity.run", lambda packages: found)
    assert main(["polarity"]) == 1
    rows = capsys.readouterr().out
    assert "| share | 0.98  | at least 0.99 | no |" in rows and "| seconds | 1.2 s | at most 1.5 | yes |" in rows
    found[0] = ReadingFigure("share", 1, 0.99)
    assert main(["polarity"]) == 0
    assert next(iter(PARTS)) == "polarity"


def test_a_layer_holds_the_lines_in_their_colour_and_a_mark_that_is_small() -> None:
    ink = np.zeros((128, 128), np.float32)
    ink[60:63, 10:118] = 1
    plain = np.asarray(line_layer(ink, COLOURS["red"], 1.0, "no mark", np.random.default_rng(0)))
    assert np.array_equal(plain[..., 3], np.rint(ink * 255)) and tuple(plain[61, 50, :3]) == COLOURS["red"]
    for mark in set(MARKS) - {"no mark"}:
        changed = (np.asarray(line_layer(ink, COLOURS["red"], 1.0, mark, np.random.default_rng(0))) != plain).any(-1)
        assert 0 < changed.mean() < 0.06


def test_what_goes_with_the_ink_is_right_and_its_negative_is_wrong() -> None:
    ink = np.zeros((64, 64), np.float32)
    ink[20:23] = 1
    sketch = Image.fromarray((255 - 255 * ink).astype(np.uint8))
    assert read_as(sketch, ink) and not read_as(sketch, 1 - ink)


def test_shapes_become_lines(tmp_path: Path) -> None:
    pytest.importorskip("resvg_py")
    file = tmp_path / "shape.svg"
    file.write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40">'
                    '<rect x="10" y="10" width="20" height="20" style="fill:#f00"/></svg>', encoding="utf-8")
    ink = outlines(file, 200, 1 / 50)
    assert ink is not None and ink[100, 100] == 0 and ink[100, 50] > 0.9 and ink[10, 10] == 0

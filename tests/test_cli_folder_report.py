"""The report of a folder: table and contact sheet, when some fail, when the run is ended, whatever the names are."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lib_colorize.cli import commands as cli
from lib_colorize.cli import file_job
from lib_colorize.cli.folder_report import FolderReport
from lib_colorize.cli.label_font import font_for
from lib_colorize.cli.outcome import SketchOutcome, State
from lib_colorize.cli.report_sheet import COLUMNS, ROWS, is_page
from lib_colorize.cli.report_table import write_table
from lib_colorize.cli.result_file import save_result
from lib_colorize.errors import ColorizeError
from tests.standalone_models import draw_reference, draw_sketch, write_checkpoint


@pytest.fixture(scope="module")
def model(module_folder: Path) -> Path:
    draw_reference(module_folder / "reference.png")
    return write_checkpoint(module_folder / "model.safetensors")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name in ("in", "out"):
        (tmp_path / name).mkdir()
    for i, name in enumerate(("f10.png", "f2.png", "=SUM(1)あ.png")):
        draw_sketch(tmp_path / "in" / name, shift=i)
    (tmp_path / "in" / "f3.png").write_bytes(b"no picture")
    return tmp_path


def run(model: Path, home: Path, *more: str) -> int:
    return cli.main(["colorize", str(home / "in"), str(model.parent / "reference.png"), "-o", str(home / "out"),
                     "--checkpoint", str(model), "--device", "cpu", "--steps", "1", "--quiet", "--report",
                     str(home / "report.csv"), "--contact-sheet", str(home / "sheet.png"), *more])


def table(home: Path) -> list[dict[str, str]]:
    with (home / "report.csv").open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_report_says_what_became_of_each_file_in_the_order_of_their_numbers_and_a_newer_one_takes_its_place(
    model: Path, home: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(model, home, "--seed", "7") == 1
    first = table(home)
    assert [line["file"] for line in first] == ["'=SUM(1)あ.png", "f2.png", "f3.png", "f10.png"]
    assert [line["state"] for line in first] == ["written", "written", "passed over", "written"]
    assert "not an image" in first[2]["message"] and first[2]["seed"] == first[2]["picture"] == ""
    assert {line["seed"] for line in first if line["picture"]} == {"7"}
    made = Image.open(first[1]["picture"])
    assert first[1]["size"] == f"{made.width}x{made.height}" and float(first[1]["seconds"]) > 0
    assert all(line["reference"].endswith("reference.png") for line in first)
    assert (home / "report.csv").read_bytes().startswith(b'\xef\xbb\xbf"file","reference"')
    assert is_page(home / "sheet.png")
    capsys.readouterr()
    assert run(model, home, "--seed", "7") == 1
    assert [line["state"] for line in table(home)] == ["finished before", "finished before", "passed over",
                                                       "finished before"]
    assert table(home)[1]["seed"] == "7" and table(home)[1]["seconds"] == ""


def test_an_interrupt_leaves_a_whole_report_of_what_was_done(
    model: Path, home: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[Path] = []

    def save(image: object, path: Path, *more: object) -> None:
        if made:
            raise KeyboardInterrupt
        made.append(path)
        real(image, path, *more)  # type: ignore[arg-type]

    real = save_result
    monkeypatch.setattr(file_job, "save_result", save)
    assert run(model, home) == 130
    assert [line["state"] for line in table(home)] == ["written", "not reached", "not reached", "not reached"]
    assert is_page(home / "sheet.png")


@pytest.mark.parametrize("option, name, said", (
    ("--report", "table.txt", "ends in .csv"), ("--report", "in/table.csv", "among the sketches"),
    ("--report", "mine.csv", "is no report"), ("--contact-sheet", "mine.png", "is no contact sheet"),
    ("--contact-sheet", "out/f2.png", "name of a result"), ("--contact-sheet", "none/sheet.png", "does not exist"),
))
def test_a_report_takes_no_other_files_place_and_is_refused_before_any_work(
    option: str, name: str, said: str, model: Path, home: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    for mine in ("mine.csv", "mine.png"):
        (home / mine).write_bytes(b"mine")
    assert run(model, home, option, str(home / name)) == 2
    told = capsys.readouterr().err
    assert said in told and told.count("\n") == 1
    assert not any((home / "out").iterdir()) and (home / "mine.csv").read_bytes() == b"mine"


def test_names_that_spreadsheets_would_compute_and_names_with_line_ends_are_texts(tmp_path: Path) -> None:
    names = ("=1+1.png", "+1.png", "-1.png", "@x.png", "\uff1d1.png", " =1.png", "a\n=2.png", "b\udce9.png",
             'c","d.png')
    write_table([SketchOutcome(tmp_path / name, State.PASSED_OVER, message="-1") for name in names], tmp_path / "a.csv",
                tmp_path)
    with (tmp_path / "a.csv").open(encoding="utf-8-sig", newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert [line["file"] for line in lines] == ["'=1+1.png", "'+1.png", "'-1.png", "'@x.png", "'\uff1d1.png",
                                                "' =1.png", r"a\n=2.png", r"b\udce9.png", 'c","d.png']
    assert all(line["message"] == "'-1" for line in lines)


def test_a_contact_sheet_goes_on_on_further_pages_of_the_same_size(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    sketch, made = draw_sketch(tmp_path / "in" / "a.png"), draw_reference(tmp_path / "made.png", "red")
    count = COLUMNS * ROWS + 1
    report = FolderReport(None, tmp_path / "sheet.png", tmp_path / "in", [sketch])
    with report:
        for _ in range(count):
            report.note(SketchOutcome(sketch, State.WRITTEN, pictures=(made,)))
    first, second = (Image.open(tmp_path / name) for name in ("sheet.png", "sheet-2.png"))
    assert first.width < 2000 and first.height < 2000 and second.width < first.width
    red = (np.asarray(first.convert("RGB")) == (255, 0, 0)).all(2).sum()
    assert red > 24 * 5000 and not (tmp_path / "sheet-3.png").exists()


def test_a_report_that_cannot_be_written_is_told_unless_the_run_failed_already(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    report = FolderReport(tmp_path / "gone" / "a.csv", None, tmp_path, [])
    (tmp_path / "gone").rmdir()
    with pytest.raises(ColorizeError, match="no folder"), report:
        pass
    with pytest.raises(KeyboardInterrupt), report:
        raise KeyboardInterrupt


def test_a_table_that_cannot_be_written_keeps_no_contact_sheet_back(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    sketch = draw_sketch(tmp_path / "a.png")
    report = FolderReport(tmp_path / "gone" / "a.csv", tmp_path / "sheet.png", tmp_path, [sketch])
    (tmp_path / "gone").rmdir()
    with pytest.raises(ColorizeError, match="no folder"), report:
        report.note(SketchOutcome(sketch, State.WRITTEN))
    assert is_page(tmp_path / "sheet.png")


def test_letters_that_no_font_has_are_written_as_their_numbers() -> None:
    assert font_for("cat.png")[1] == "cat.png"
    assert font_for("a\U000f1234.png")[1] == r"a\U000f1234.png"

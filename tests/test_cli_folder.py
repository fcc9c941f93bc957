"""A folder of sketches: names, skipping, bad files, interrupts, a full disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lib_colorize.cli import commands as cli
from lib_colorize.cli import file_job
from lib_colorize.cli.result_file import read_record
from lib_colorize.whole_file import DiskError
from tests.standalone_models import draw_reference, draw_sketch, write_checkpoint


@pytest.fixture(scope="module")
def model(module_folder: Path) -> Path:
    draw_reference(module_folder / "reference.png")
    return write_checkpoint(module_folder / "model.safetensors")


@pytest.fixture
def sketches(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for i, name in enumerate(("b.jpg", "a.png", "c.webp")):
        draw_sketch(folder / name, shift=i)
    (tmp_path / "out").mkdir()
    return folder


def run(model: Path, sketches: Path, *more: str) -> int:
    return cli.main(["colorize", str(sketches), str(model.parent / "reference.png"), "-o", str(sketches.parent / "out"),
                     "--checkpoint", str(model), "--device", "cpu", "--steps", "1", *more])


def times(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_names_are_kept_and_finished_files_skipped(
    model: Path, sketches: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    out = sketches.parent / "out"
    (sketches / ".hidden").write_text("x")
    (sketches / "deeper").mkdir()
    assert run(model, sketches) == 0
    first = times(out)
    assert sorted(first) == ["a.png", "b.png", "c.png"]
    assert read_record(out / "c.png").sketch.name == "c.webp"
    (out / "b.png").unlink()
    capsys.readouterr()
    assert run(model, sketches) == 0
    second = times(out)
    assert "1 written, 2 finished before, 0 passed over" in capsys.readouterr().out
    assert all(second[name] == first[name] for name in ("a.png", "c.png")) and "b.png" in second


def test_a_bad_file_is_reported_and_passed_over(
    model: Path, sketches: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    (sketches / "b.jpg").write_bytes(b"")
    assert run(model, sketches, "--quiet") == 1
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1 and "b.jpg" in errors
    assert sorted(os.listdir(sketches.parent / "out")) == ["a.png", "c.png"]


def test_a_picture_made_otherwise_is_neither_kept_silently_nor_lost(
    model: Path, sketches: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(model, sketches, "--quiet") == 0
    before = times(sketches.parent / "out")
    assert run(model, sketches, "--quiet", "--seed", "3") == 1
    assert capsys.readouterr().err.count("--force") == 3
    assert times(sketches.parent / "out") == before
    assert run(model, sketches, "--quiet", "--seed", "3", "--force") == 0
    assert read_record(sketches.parent / "out" / "a.png").settings.seed == 3


def test_two_sketches_of_one_stem_do_not_overwrite_each_other(model: Path, sketches: Path) -> None:
    draw_sketch(sketches / "a.jpg")
    draw_sketch(sketches / "B.tif")  # b.png and B.png would be one file on Windows and macOS
    assert run(model, sketches, "--quiet") == 0
    written = sorted(os.listdir(sketches.parent / "out"))
    assert written == ["B.tif.png", "a.jpg.png", "a.png.png", "b.jpg.png", "c.png"]


def test_an_interrupt_keeps_what_is_finished_and_nothing_else(
    model: Path, sketches: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[Path] = []

    def save(image: object, path: Path, record: object, *more: object) -> None:
        if made:
            raise KeyboardInterrupt
        made.append(path)
        real(image, path, record, *more)  # type: ignore[arg-type]

    real = file_job.save_result
    monkeypatch.setattr(file_job, "save_result", save)
    assert run(model, sketches, "--quiet") == 130
    assert os.listdir(sketches.parent / "out") == ["a.png"]
    monkeypatch.undo()
    assert run(model, sketches, "--quiet") == 0
    assert len(os.listdir(sketches.parent / "out")) == 3


def test_a_full_disk_stops_the_run(
    model: Path, sketches: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    tried: list[Path] = []

    def save(image: object, path: Path, record: object, *more: object) -> None:
        tried.append(path)
        raise DiskError(f"{path}: not written: No space left on device")

    monkeypatch.setattr(file_job, "save_result", save)
    assert run(model, sketches, "--quiet") == 2
    assert len(tried) == 1 and capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("case", ("no such folder", "the same folder", "an empty folder", "bad reference"))
def test_what_would_fail_for_every_file_fails_at_once(
    case: str, model: Path, sketches: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    reference, output = model.parent / "reference.png", sketches.parent / "out"
    if case == "no such folder":
        output = sketches.parent / "none"
    elif case == "the same folder":
        output = sketches
    elif case == "bad reference":
        reference = model
    else:
        for path in list(sketches.iterdir()):
            path.unlink()
    before = sorted(os.listdir(sketches))
    assert cli.main(["colorize", str(sketches), str(reference), "-o", str(output), "--checkpoint", str(model)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert sorted(os.listdir(sketches)) == before

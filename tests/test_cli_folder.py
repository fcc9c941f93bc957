"""A folder of sketches: names, skipping, bad files, interrupts, a full disk."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from lib_colorize.cli import commands as cli
from lib_colorize.cli import file_job
from lib_colorize.cli.result_file import read_record
from lib_colorize.engine.engine import Engine, Result
from lib_colorize.engine.weights import ReferenceFile
from lib_colorize.pictures.picture_files import open_image
from lib_colorize.whole_file import DiskError
from tests.standalone_models import draw_reference, draw_sketch, write_checkpoint

ROOT = Path(__file__).parent.parent


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


def test_a_batch_never_writes_over_a_sketch(
    model: Path, sketches: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    """A hard link is the sketch too, by another name."""
    out = sketches.parent / "out"
    os.link(sketches / "a.png", out / "b-1.png")
    before = (sketches / "a.png").read_bytes()
    assert run(model, sketches, "--batch", "2", "--force", "--quiet") == 1
    assert "b-1.png: is one of the inputs" in capsys.readouterr().err
    assert (sketches / "a.png").read_bytes() == before
    assert sorted(os.listdir(out)) == ["a-1.png", "a-2.png", "b-1.png", "c-1.png", "c-2.png"]


@pytest.mark.parametrize("force", (False, True))
def test_a_picture_that_another_program_makes_meanwhile_is_kept(
    force: bool, model: Path, sketches: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    out = sketches.parent / "out"
    theirs = out / "b.png"
    if force:
        theirs.write_bytes(b"was there at the start")

    def save(image: object, path: Path, *more: object) -> None:
        if path == theirs:
            theirs.write_bytes(b"came while ours was made")
        real(image, path, *more)  # type: ignore[arg-type]

    real = file_job.save_result
    monkeypatch.setattr(file_job, "save_result", save)
    assert run(model, sketches, "--quiet", *(["--force"] if force else [])) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "b.png: another program has made it meanwhile" in said
    assert theirs.read_bytes() == b"came while ours was made" and sorted(os.listdir(out)) == ["a.png", "b.png", "c.png"]


def test_two_programs_in_one_folder_share_the_work_and_say_what_they_left_to_the_other(
    model: Path, sketches: Path,
) -> None:
    runs = []
    for seed in ("1", "2"):
        command = ["colorize", str(sketches), str(model.parent / "reference.png"), "-o", str(sketches.parent / "out"),
                   "--checkpoint", str(model), "--device", "cpu", "--steps", "40", "--seed", seed]
        runs.append(subprocess.Popen([sys.executable, "-B", "-m", "lib_colorize", *command], cwd=ROOT, text=True,
                                     encoding="utf-8", stdout=subprocess.PIPE, stderr=subprocess.PIPE))
    said = [program.communicate(timeout=300) for program in runs]
    made = [read_record(path).settings.seed for path in (sketches.parent / "out").iterdir()]
    for program, seed, (told, errors) in zip(runs, (1, 2), said):
        lost = 3 - made.count(seed)
        assert f"{made.count(seed)} written, 0 finished before, {lost} passed over" in told, (told, errors)
        assert errors.count("passed over: ") == lost and program.returncode == (1 if lost else 0)
    assert len(made) == 3


def test_subfolders_are_mirrored_and_skipped_at_the_next_run(
    model: Path, sketches: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("x", "x/y", "z"):
        (sketches / name).mkdir()
    draw_sketch(sketches / "x/y/a.png", shift=5)
    draw_sketch(sketches / "z/a.png", shift=6)
    out = sketches.parent / "out"
    (out / "z").write_bytes(b"a file in the place of a folder")
    assert run(model, sketches, "--recursive") == 1
    told = capsys.readouterr()
    assert "4 written, 0 finished before, 1 passed over" in told.out and "z: this folder cannot be made" in told.err
    files = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.png"))
    assert files == ["a.png", "b.png", "c.png", "x/y/a.png"]
    (out / "z").unlink()
    assert run(model, sketches, "--recursive") == 0
    assert "1 written, 4 finished before, 0 passed over" in capsys.readouterr().out


def test_captions_and_the_reference_change_nothing(
    model: Path, sketches: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(model, sketches) == 0
    for name in ("a.txt", "b.txt", "c.txt", "Thumbs.db"):
        (sketches / name).write_text("a caption", encoding="utf-8")
    reference = draw_reference(sketches / "reference.png")
    capsys.readouterr()
    assert cli.main(["colorize", str(sketches), str(reference), "-o", str(sketches.parent / "out"), "--checkpoint",
                     str(model), "--device", "cpu", "--steps", "1"]) == 0
    told = capsys.readouterr()
    assert "0 written, 3 finished before, 0 passed over" in told.out
    assert "not taken for sketches: a.txt, b.txt, c.txt and 1 more" in told.err


@pytest.mark.parametrize("error", (MemoryError(), RuntimeError("CUDA out of memory. Tried to allocate 20 GiB")))
def test_a_picture_too_large_for_the_memory_does_not_stop_the_rest(
    error: Exception, model: Path, sketches: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    def colorize(engine: Engine, sketch: Image.Image, *more: object) -> list[Result]:
        if sketch.tobytes() == large.tobytes():
            raise error
        return real(engine, sketch, *more)  # type: ignore[arg-type]

    large, real = open_image(sketches / "b.jpg"), Engine.colorize
    monkeypatch.setattr(Engine, "colorize", colorize)
    assert run(model, sketches, "--quiet") == 1
    assert "b.jpg: not enough memory for it" in capsys.readouterr().err
    assert sorted(os.listdir(sketches.parent / "out")) == ["a.png", "c.png"]


def test_a_seed_that_is_drawn_is_told_and_recorded_and_does_not_undo_what_is_finished(
    model: Path, sketches: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(model, sketches, "--seed", "random") == 0
    seed = int(re.search(r"^seed (\d+)$", capsys.readouterr().err, re.M)[1])  # type: ignore[index]
    pictures = sorted((sketches.parent / "out").iterdir())
    assert {read_record(path).settings.seed for path in pictures} == {seed}
    pictures[0].unlink()
    assert run(model, sketches, "--seed", "RANDOM") == 0
    told = capsys.readouterr()
    assert "1 written, 2 finished before" in told.out
    assert f"seed {read_record(pictures[0]).settings.seed}\n" in told.err


def test_results_may_have_another_format(model: Path, sketches: Path) -> None:
    assert run(model, sketches, "--quiet", "--format", "webp", "--quality", "90") == 0
    assert run(model, sketches, "--quiet", "--format", "webp", "--quality", "90") == 0
    out = sketches.parent / "out"
    assert sorted(os.listdir(out)) == ["a.webp", "b.webp", "c.webp"]
    assert read_record(out / "b.webp").lossy == "WebP, quality 90"
    assert run(model, sketches, "--quiet", "--quality", "90") == 2  # a PNG has none
    one = cli.main(["colorize", str(sketches / "a.png"), str(model.parent / "reference.png"), "-o", str(out / "x.png"),
                    "--format", "webp"])
    assert one == 2 and len(os.listdir(out)) == 3


def test_a_name_with_line_ends_is_told_on_one_line(
    model: Path, sketches: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    (sketches / "d\n\x1b[31m\udce9.png").write_bytes(b"")
    assert run(model, sketches, "--quiet") == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "\x1b" not in said and r"d\n\x1b[31m" in said


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


def test_how_a_sketch_was_read_is_told_and_recorded_unless_quiet(
    model: Path, sketches: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    def colorize(engine: Engine, *more: object) -> list[Result]:
        return [replace(result, read_as="dark lines on light,\ntold") for result in real(engine, *more)]  # type: ignore[arg-type]

    real = Engine.colorize
    monkeypatch.setattr(Engine, "colorize", colorize)
    (sketches / "c.webp").unlink()
    assert run(model, sketches) == 0
    lines = [line.rpartition("\r")[2].strip() for line in capsys.readouterr().err.split("\n")]
    assert [line for line in lines if line] == [rf"{name}: dark lines on light,\ntold" for name in ("a.png", "b.jpg")]
    assert read_record(sketches.parent / "out" / "a.png").read_as == "dark lines on light,\ntold"
    assert run(model, sketches, "--quiet", "--force", "--seed", "2") == 0
    assert capsys.readouterr().err == ""


def test_the_references_are_read_and_encoded_once_for_a_folder(
    model: Path, sketches: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    def load(file: ReferenceFile) -> object:
        loads.append(file)
        return real(file)

    loads: list[ReferenceFile] = []
    real = ReferenceFile.load
    monkeypatch.setattr(ReferenceFile, "load", load)
    other = draw_sketch(sketches.parent / "other.png")
    assert run(model, sketches, "--quiet", "--also", str(other), "--batch", "2") == 0
    assert len(loads) == 1 and len(os.listdir(sketches.parent / "out")) == 6

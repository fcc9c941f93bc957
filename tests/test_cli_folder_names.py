"""Which files of a folder are sketches, and the names of their results: of their own, and the same at the next run."""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from lib_colorize.cli.folder import list_sketches, planned_files
from lib_colorize.cli.output_paths import identities, is_device
from lib_colorize.cli.record import FileRecord, Record
from lib_colorize.cli.result_file import save_result
from lib_colorize.cli.result_names import ResultNames
from lib_colorize.cli.sketch_files import SketchFiles
from lib_colorize.errors import ColorizeError
from lib_colorize.method.settings import Settings

FILE = FileRecord("reference.png", "reference.png", "0" * 64)
RECORD = Record(Settings(), FILE, FILE, FILE, None, "v", "cpu", "float32", 1, {})


def picture(path: Path, kind: str | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8)).save(path, kind)
    return path


def made_from(sketch: str, path: Path) -> None:
    """A result, as a run leaves it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_result(Image.new("RGB", (8, 8)), path, replace(RECORD, sketch=FileRecord(sketch, sketch, "0" * 64)))


def plan(output: Path, *sketches: str, suffix: str = ".png", batch: int = 1) -> dict[str, str]:
    planned = ResultNames(output, suffix, batch).plan([Path(name) for name in sorted(sketches)])
    return {sketch.as_posix(): path.relative_to(output).as_posix() for sketch, path in planned.items()}


def run(output: Path, *sketches: str, batch: int = 1) -> dict[str, str]:
    """Plan and leave results."""
    planned = plan(output, *sketches, batch=batch)
    for sketch, name in planned.items():
        for i in range(batch):
            path = output / name
            made_from(Path(sketch).name, path if batch == 1 else path.with_name(f"{path.stem}-{i + 1}.png"))
    return planned


# names ----------------------------------------------------------------------------------------------------------------

CROWDS = (
    ("a.jpg", "a.jpg.png", "a.webp"), ("a.png", "A.png", "a.PNG", "A.Png.png"),
    ("a.jpg", "a.png", "a.png.png", "a.webp"),
    ("stra\u00dfe.png", "STRASSE.png"), ("caf\u00e9.png", "cafe\u0301.png"), ("x/a.png", "X/a.png", "a.png"),
    ("a", "a.png", "a.png.png", "a.png.png.png"), ("a.png/b.png", "a.jpg", "a.webp"),
)


@pytest.mark.parametrize("crowd", CROWDS)
@pytest.mark.parametrize("batch", (1, 2))
def test_names_are_of_their_own_on_every_system_and_stay(crowd: tuple[str, ...], batch: int, tmp_path: Path) -> None:
    first = run(tmp_path, *crowd, batch=batch)
    keys = [os.path.normcase(name).casefold() for name in first.values()]
    assert len(set(keys)) == len(crowd) == len(first)
    assert not {parent.casefold() for path in crowd for parent in (Path(path).parent.as_posix(),)} & set(keys)
    assert plan(tmp_path, *crowd, batch=batch) == first


@pytest.mark.parametrize("batch", (1, 2))
def test_a_result_stays_its_sketchs_when_others_come_and_go(batch: int, tmp_path: Path) -> None:
    assert run(tmp_path, "a.png", "b.jpg", batch=batch) == {"a.png": "a.png", "b.jpg": "b.png"}
    grown = ("a.png", "a.webp", "A.tif", "b.jpg", "b.jpg.png", "b.png")
    second = run(tmp_path, *grown, batch=batch)
    assert second["a.png"] == "a.png" and second["b.jpg"] == "b.png" and len(set(second.values())) == len(grown)
    assert plan(tmp_path, *grown, batch=batch) == second
    for left in (("a.webp", "b.png"), ("A.tif",), ("b.jpg.png", "a.png")):
        assert plan(tmp_path, *left, batch=batch) == {name: second[name] for name in left}


def test_results_of_a_run_that_gave_captions_a_name_are_recognised(tmp_path: Path) -> None:
    made_from("a.png", tmp_path / "a.png.png")  # as it was when a.txt beside a.png counted
    assert plan(tmp_path, "a.png", "b.png") == {"a.png": "a.png.png", "b.png": "b.png"}


def test_a_result_of_a_sketch_that_is_gone_is_not_written_over(tmp_path: Path) -> None:
    run(tmp_path, "a.jpg")
    assert plan(tmp_path, "a.webp") == {"a.webp": "a.webp.png"}


def test_a_name_that_is_not_ours_to_give_is_not_changed(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")  # of nobody that we know: the run will say so
    assert plan(tmp_path, "a.jpg") == {"a.jpg": "a.png"}


def test_a_folder_in_the_place_of_a_result_leaves_another_name(tmp_path: Path) -> None:
    (tmp_path / "a.png").mkdir()
    assert run(tmp_path, "a.jpg") == {"a.jpg": "a.jpg.png"}
    assert plan(tmp_path, "a.jpg", "a.png/b.png") == {"a.jpg": "a.jpg.png", "a.png/b.png": "a.png/b.png"}


def test_numbers_of_a_batch_and_names_of_sketches_do_not_meet(tmp_path: Path) -> None:
    run(tmp_path, "a.png", batch=2)
    assert sorted(os.listdir(tmp_path)) == ["a-1.png", "a-2.png"]
    assert plan(tmp_path, "a.png", "a-1.png")["a-1.png"] == "a-1.png.png"
    planned = plan(tmp_path, "a.png", "a-1.png", "a-2.png", batch=2)
    names = [f"{Path(name).stem}-{i}" for name in planned.values() for i in (1, 2)]
    assert len(set(names)) == 6 and planned["a.png"] == "a.png"


@pytest.mark.parametrize("name", ("con.png", "NUL.jpg", "com1.tar.png", "aux"))
def test_no_result_has_the_name_of_a_windows_device(name: str, tmp_path: Path) -> None:
    first = run(tmp_path, name)
    assert not is_device(first[name]) and plan(tmp_path, name) == first
    assert is_device(name) and not is_device("console.png")


@pytest.mark.parametrize("letter", ("a", "\u3042", "\U0001f408", "\udcff"))
@pytest.mark.parametrize("length", (200, 251, 255))
def test_a_name_of_any_length_and_script_becomes_one_that_the_disk_takes(
    letter: str, length: int, tmp_path: Path,
) -> None:
    stem = letter * ((length - 4) // len(os.fsencode(letter)))
    names = (f"{stem}.jpg", f"{stem[:-1]}x.jpg", f"{stem}.png")
    first = plan(tmp_path, *names)
    assert len(set(first.values())) == 3
    for path in first.values():
        assert len(os.fsencode(path)) <= 255 - len("-64")
        (tmp_path / path).write_bytes(b"")
        (tmp_path / path).unlink()
    assert plan(tmp_path, *names) == first


def test_a_short_name_is_never_shortened(tmp_path: Path) -> None:
    assert plan(tmp_path, "\u3042" * 60 + ".jpg") == {"\u3042" * 60 + ".jpg": "\u3042" * 60 + ".png"}


# which files ----------------------------------------------------------------------------------------------------------


def found(folder: Path, recursive: bool = False, left_out: tuple[Path, ...] = ()) -> SketchFiles:
    return SketchFiles.of(folder, recursive, identities(left_out))


def test_side_files_are_no_pictures_and_broken_pictures_are(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    picture(tmp_path / "b", "PNG")  # by its content
    picture(tmp_path / "c.part", "WEBP")
    (tmp_path / "d.jpg").write_bytes(b"")
    (tmp_path / "e.psd").write_bytes(b"x")
    sides = ("a.txt", "a.caption", "a.json", "a.xmp", "notes.md", "x.zip", "BM", "GIF", "a.png.bak", "list")
    for name in (*sides, "Thumbs.db", "desktop.ini", ".DS_Store", "._a.png", "Icon\r"):
        (tmp_path / name).write_bytes(b"BM and other words, GIF 8 too")
    listed = found(tmp_path)
    assert [path.name for path in listed.sketches] == ["a.png", "b", "c.part", "d.jpg", "e.psd"]
    assert sorted(path.name for path in listed.others) == sorted(sides)
    assert list(listed.notes()) == ["not taken for sketches: BM, GIF, a.caption and 7 more"]


def test_subfolders_are_taken_when_asked_for_and_told_when_not(tmp_path: Path) -> None:
    for name in ("a.png", "x/a.png", "x/y/b.png", ".hidden/c.png", "__MACOSX/d.png", "x/@eaDir/a.png"):
        picture(tmp_path / name)
    assert [path.as_posix() for path in found(tmp_path).sketches] == ["a.png"]
    assert list(found(tmp_path).notes()) == ["1 subfolders are left out; --recursive takes them too"]
    assert [path.as_posix() for path in found(tmp_path, True).sketches] == ["a.png", "x/a.png", "x/y/b.png"]
    (tmp_path / "a.png").unlink()
    with pytest.raises(ColorizeError, match="--recursive"):
        found(tmp_path)


def test_what_has_another_part_in_the_job_is_no_sketch(tmp_path: Path) -> None:
    reference, other = picture(tmp_path / "in/ref.png"), tmp_path / "in/out"
    for name in ("in/a.png", "in/out/a.png", "in/x/b.png"):
        picture(tmp_path / name)
    listed = found(tmp_path / "in", True, (reference, other))
    assert [path.as_posix() for path in listed.sketches] == ["a.png", "x/b.png"]
    assert [path.as_posix() for path in listed.others] == ["ref.png"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links_lead_to_pictures_once_and_loops_end(tmp_path: Path) -> None:
    picture(tmp_path / "in/x/a.png")
    picture(tmp_path / "away/b.png")
    for name, target in (("in/loop", tmp_path / "in"), ("in/x/up", tmp_path), ("in/away", tmp_path / "away"),
                         ("in/self", tmp_path / "in/self"), ("in/gone.png", tmp_path / "none.png")):
        os.symlink(target, tmp_path / name)
    listed = found(tmp_path / "in", True)
    assert [path.as_posix() for path in listed.sketches] == ["away/b.png", "gone.png", "x/a.png"]


def test_a_folder_without_pictures_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("caption", encoding="utf-8")
    with pytest.raises(ColorizeError, match="no pictures in it among 1 files"):
        found(tmp_path)


def test_the_frames_of_a_folder_stay_together_whatever_a_subfolder_is_called(tmp_path: Path) -> None:
    for name in ("in/f2.png", "in/f10.png", "in/f3/f1.png", "in/f3/f11.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8)).save(tmp_path / name)
    (tmp_path / "out").mkdir()
    found = list_sketches(tmp_path / "in", tmp_path / "out", True, [])
    planned = planned_files(found, tmp_path / "out", ".png", 1)
    assert [path.relative_to(tmp_path / "in").as_posix() for path in planned] == [
        "f2.png", "f10.png", "f3/f1.png", "f3/f11.png"]


def test_results_that_would_lie_among_the_sketches_are_refused(tmp_path: Path) -> None:
    picture(tmp_path / "out/in/a.png")
    picture(tmp_path / "out/in/in/b.png")
    listed = list_sketches(tmp_path / "out/in", tmp_path / "out", True, [])
    with pytest.raises(ColorizeError, match="among the sketches"):
        planned_files(listed, tmp_path / "out", ".png", 1)
    flat = list_sketches(tmp_path / "out/in", tmp_path / "out", False, [])
    assert planned_files(flat, tmp_path / "out", ".png", 1) == {tmp_path / "out/in/a.png": tmp_path / "out/a.png"}


def test_the_mark_of_a_shortened_name_is_of_the_whole_name(tmp_path: Path) -> None:
    name = "a" * 250
    assert hashlib.sha256(name.encode()).hexdigest()[:8] in plan(tmp_path, f"{name}.png")[f"{name}.png"]

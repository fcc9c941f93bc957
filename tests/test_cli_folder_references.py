"""References by name for a folder of sketches: which one each takes, what is told where there is none, what is kept."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from lib_colorize.cli import commands as cli
from lib_colorize.cli.references import References
from lib_colorize.cli.result_file import read_record
from lib_colorize.engine.weights import ReferenceFile
from lib_colorize.errors import ColorizeError
from tests.standalone_models import draw_reference, draw_sketch, write_checkpoint


@pytest.fixture(scope="module")
def model(module_folder: Path) -> Path:
    return write_checkpoint(module_folder / "model.safetensors")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Three sketches, references for two of them, and a folder for the results."""
    for name in ("in", "references", "out"):
        (tmp_path / name).mkdir()
    for i, name in enumerate(("a.png", "b.jpg", "c.png")):
        draw_sketch(tmp_path / "in" / name, shift=i)
    draw_reference(tmp_path / "references" / "A.jpg", "red")
    draw_reference(tmp_path / "references" / "b.png", "green")
    return tmp_path


def run(model: Path, home: Path, *more: str, reference: str = "references") -> int:
    return cli.main(["colorize", str(home / "in"), str(home / reference), "-o", str(home / "out"), "--checkpoint",
                     str(model), "--device", "cpu", "--steps", "1", *more])


def used(home: Path, name: str) -> str:
    return read_record(home / "out" / name).reference.name


def test_each_takes_the_one_of_its_name_and_one_without_is_told_and_passed_over_until_there_is_one(
    model: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    loads: list[ReferenceFile] = []
    real = ReferenceFile.load

    def load(file: ReferenceFile) -> object:
        loads.append(file)
        return real(file)

    monkeypatch.setattr(ReferenceFile, "load", load)
    assert run(model, home) == 1
    told = capsys.readouterr()
    assert "c.png" in told.err and "no reference of its name" in told.err and "2 written" in told.out
    assert (used(home, "a.png"), used(home, "b.png")) == ("A.jpg", "b.png")
    assert len(loads) == 1  # the encoder is read once for both
    draw_reference(home / "references" / "default.webp")
    assert run(model, home) == 0
    assert "1 written, 2 finished before, 0 passed over" in capsys.readouterr().out
    assert used(home, "c.png") == "default.webp"


def test_a_folder_of_references_beside_one_for_the_rest(model: Path, home: Path) -> None:
    draw_reference(home / "rest.png", "navy")
    assert run(model, home, "--quiet", "--references", str(home / "references"), reference="rest.png") == 0
    assert [used(home, f"{name}.png") for name in "abc"] == ["A.jpg", "b.png", "rest.png"]


def test_a_reference_that_changed_is_no_reason_to_keep_silent(
    model: Path, home: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    (home / "in" / "c.png").unlink()
    assert run(model, home, "--quiet") == 0
    draw_reference(home / "references" / "b.png", "pink")
    assert run(model, home, "--quiet") == 1
    assert capsys.readouterr().err.count("another reference") == 1


def test_references_among_the_sketches_are_none_and_are_never_written_over(model: Path, home: Path) -> None:
    (home / "references").rename(home / "in" / "references")
    draw_reference(home / "in" / "references" / "default.png")
    assert run(model, home, "--quiet", "--recursive", reference="in/references") == 0
    assert sorted(path.name for path in (home / "out").rglob("*.png")) == ["a.png", "b.png", "c.png"]
    wrong = cli.main(["colorize", str(home / "in"), str(home / "in/references"), "-o", str(home / "in/references"),
                      "--checkpoint", str(model)])
    assert wrong == 2


def names(tmp_path: Path, *files: str) -> References:
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        draw_reference(tmp_path / file)
    return References.read(tmp_path, recursive=True)


def test_names_are_the_same_in_capitals_and_however_accents_are_written(tmp_path: Path) -> None:
    references = names(tmp_path, unicodedata.normalize("NFD", "Émilie.PNG"), "日本.png")
    assert references.path_of(Path("émilie.jpg")).suffix == ".PNG"
    assert references.path_of(Path("日本.webp")).name == "日本.png"


def test_subfolders_are_mirrored_and_the_nearest_default_is_taken(tmp_path: Path) -> None:
    references = names(tmp_path, "default.png", "x/default.png", "x/y/a.png", "a.png")
    found = {name: references.path_of(Path(name)).relative_to(tmp_path).as_posix()
             for name in ("a.png", "b.png", "x/a.png", "x/y/a.png", "x/y/b.png", "z/a.png")}
    assert found == {"a.png": "a.png", "b.png": "default.png", "x/a.png": "x/default.png", "x/y/a.png": "x/y/a.png",
                     "x/y/b.png": "x/default.png", "z/a.png": "default.png"}


def test_of_two_of_one_name_the_one_with_the_sketchs_suffix_is_taken_else_both_are_told(tmp_path: Path) -> None:
    references = names(tmp_path, "a.png", "a.jpg")
    assert references.path_of(Path("a.jpg")).name == "a.jpg"
    with pytest.raises(ColorizeError, match=r"2 references of its name \(a.jpg, a.png\)"):
        references.path_of(Path("a.webp"))


@pytest.mark.parametrize("options, said", (
    (("--reference-mask", "references/A.jpg"), "each sketch has its own"),
    (("--references", "in"), "is another"),
))
def test_what_cannot_be_with_references_by_name_is_told_at_once(
    options: tuple[str, str], said: str, model: Path, home: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(model, home, options[0], str(home / options[1])) == 2
    told = capsys.readouterr().err
    assert said in told and told.count("\n") == 1 and not any((home / "out").iterdir())


def test_sketches_are_not_their_own_references(
    model: Path, home: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(model, home, reference="in") == 2
    assert "holds the references; name another folder for the sketches" in capsys.readouterr().err


def test_a_folder_of_references_that_holds_none_is_told(model: Path, home: Path) -> None:
    (home / "none").mkdir()
    assert run(model, home, reference="none") == 2

"""The builder, run again on a source that has changed: every picture once, as it is now, and nothing drawn twice."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lib_colorize.errors import ColorizeError
from tests.training_data_folders import art, encoded, write_zip
from training.dataset import drawing
from training.dataset.build import build
from training.dataset.build_options import BuildOptions
from training.dataset.extractors import Choice
from training.dataset.inspection import Limits
from training.dataset.pairs import DataOptions, open_pairs
from training.dataset.report import Report
from training.dataset.shards import write_shard

Written = dict[str, tuple[int, ...]]  # source -> pixels of what was written for it


def quiet(message: str) -> None:
    """No output."""


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    folder.mkdir()
    for i in range(10):
        art(i).save(folder / f"{i:02d}.png")
    return folder


def options(raw: Path, **changes: Any) -> BuildOptions:
    made = BuildOptions((str(raw),), (Choice("lineart"), Choice("edges")), Limits(40, 2.0), shard=3)
    return replace(made, **changes)


def rows(out: Path) -> dict[str, np.ndarray]:
    """Source name -> the picture that training reads; every source once, index and zips of one mind."""
    pairs = open_pairs(out, DataOptions(resolution=32))
    assert pairs.report.skipped == {}
    lines = [json.loads(line) for line in (out / "index.jsonl").read_text(encoding="utf-8").splitlines()]
    sources = {line["member"]: line["source"] for line in lines}
    assert len(set(sources.values())) == len(lines) and set(sources) == set(pairs.catalog.keys)
    found = {}
    for index, key in enumerate(pairs.catalog.keys):
        content = pairs.catalog.content(index, "color")
        assert content is not None
        found[sources[key]] = np.asarray(Image.open(io.BytesIO(content)))
    return found


def is_built(out: Path, expected: dict[str, Image.Image], report: Report) -> None:
    found = rows(out)
    assert set(found) == set(expected) and report.usable == len(expected)
    for name, picture in expected.items():
        assert np.array_equal(found[name], np.asarray(picture)), name


def add(raw: Path, expected: dict[str, Image.Image]) -> None:
    for i in (20, 21, 22, 23, 24):
        expected[f"{i:02d}"] = art(i)
        art(i).save(raw / f"{i:02d}.png")
    expected["a early"] = art(30)
    art(30).save(raw / "a early.png")


def remove(raw: Path, expected: dict[str, Image.Image]) -> None:
    (raw / "04.png").unlink()
    del expected["04"]


def change(raw: Path, expected: dict[str, Image.Image]) -> None:
    expected["03"] = art(40)
    art(40).save(raw / "03.png")


def change_to_as_many_bytes(raw: Path, expected: dict[str, Image.Image]) -> None:
    before = (raw / "03.png").stat().st_size
    content = encoded(art(40))
    art(3).save(raw / "03.png")
    longer = max(before, len(content))
    (raw / "03.png").write_bytes(content + b"\0" * (longer - len(content)))
    expected["03"] = art(40)


def rename(raw: Path, expected: dict[str, Image.Image]) -> None:
    (raw / "05.png").rename(raw / "other.png")
    expected["other"] = expected.pop("05")


def into_a_zip(raw: Path, expected: dict[str, Image.Image]) -> None:
    write_zip(raw / "more.zip", [("x.png", encoded(art(50)))])
    expected["more/x"] = art(50)


def a_larger_copy(raw: Path, expected: dict[str, Image.Image]) -> None:
    larger = art(2).resize((144, 120), Image.Resampling.LANCZOS)
    larger.save(raw / "larger.png")
    del expected["02"]
    expected["larger"] = larger


def all_at_once(raw: Path, expected: dict[str, Image.Image]) -> None:
    for some in (add, remove, change, rename):
        some(raw, expected)


CHANGES = [add, remove, change, change_to_as_many_bytes, rename, into_a_zip, a_larger_copy, all_at_once]


@pytest.mark.parametrize("edit", CHANGES)
def test_a_source_that_has_changed_is_built_as_it_is_now(
    raw: Path, tmp_path: Path, edit: Callable[[Path, dict[str, Image.Image]], None],
) -> None:
    out, expected = tmp_path / "out", {f"{i:02d}": art(i) for i in range(10)}
    is_built(out, expected, build(options(raw), out, say=quiet))
    edit(raw, expected)
    is_built(out, expected, build(options(raw), out, say=quiet))


def test_what_has_not_changed_is_not_drawn_again(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "out"
    build(options(raw), out, say=quiet)
    before = {path: path.read_bytes() for path in (out / "color").iterdir()}
    drawn: list[str] = []
    monkeypatch.setattr(drawing, "write_shard", lambda out, shard, samples, *more: drawn.extend(
        s.entry["source"] for s in samples) or write_shard(out, shard, samples, *more))
    os.utime(raw / "01.png")  # another time, the same content
    art(60).save(raw / "new.png")
    build(options(raw), out, say=quiet)
    assert drawn == ["new"]
    assert all(path.read_bytes() == content for path, content in before.items())


def test_one_picture_less_touches_its_shard_alone(raw: Path, tmp_path: Path) -> None:
    out, said = tmp_path / "out", []
    build(options(raw), out, say=quiet)
    before = {path.name: path.read_bytes() for path in (out / "color").iterdir()}
    (raw / "04.png").unlink()
    build(options(raw), out, say=said.append)
    after = {path.name: path.read_bytes() for path in (out / "color").iterdir()}
    assert len(before.keys() - after.keys()) == 1 and sum(before.get(n) == c for n, c in after.items()) == 3
    assert said[0].startswith("made anew: 1 shard") and said[1] == "2 pictures to draw and write, 9 in all"


def test_other_tags_or_another_mask_are_taken_in(raw: Path, tmp_path: Path) -> None:
    (tmp_path / "tags").mkdir()
    (tmp_path / "masks").mkdir()
    chosen = options(raw, tags=str(tmp_path / "tags"), masks=str(tmp_path / "masks"))

    def built(score: int) -> dict[str, Any]:
        tags = [{"member": f"{i:02d}.png", "score": score if i == 2 else 0} for i in range(10)]
        (tmp_path / "tags/index.jsonl").write_text("\n".join(map(json.dumps, tags)), encoding="utf-8")
        assert build(chosen, tmp_path / "out", say=quiet).usable == 10
        lines = (tmp_path / "out/index.jsonl").read_text(encoding="utf-8").splitlines()
        return {line["source"]: line["score"] for line in map(json.loads, lines)}

    assert built(1)["02"] == 1 and built(7)["02"] == 7
    assert not (tmp_path / "out/mask").exists()
    Image.new("L", (72, 60), 255).save(tmp_path / "masks/06.png")
    built(7)
    assert len(list((tmp_path / "out/mask").iterdir())) == 1


def test_a_stop_in_the_middle_of_taking_in_changes_is_made_good(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    out, expected = tmp_path / "out", {f"{i:02d}": art(i) for i in range(10)}
    build(options(raw), out, say=quiet)
    all_at_once(raw, expected)

    def stopped(*more: Any) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(drawing, "write_shard", stopped)
        with pytest.raises(KeyboardInterrupt):
            build(options(raw), out, say=quiet)
    is_built(out, expected, build(options(raw), out, say=quiet))


def test_a_build_that_does_not_say_what_it_holds_is_refused(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    build(options(raw), out, say=quiet)
    (out / "work/plan.json").unlink()  # as builds of before have it
    with pytest.raises(ColorizeError, match="nothing says what they were built from; name another folder by --out"):
        build(options(raw), out, say=quiet)
    shutil.rmtree(out / "work")
    with pytest.raises(ColorizeError, match="name another folder by --out"):
        build(options(raw), out, say=quiet)


def test_a_folder_given_twice_is_built_once(raw: Path, tmp_path: Path) -> None:
    chosen = options(raw, sources=(str(raw), str(raw)), max_bits=-1)
    for _ in range(2):
        assert build(chosen, tmp_path / "out", say=quiet).usable == 10
    assert len(rows(tmp_path / "out")) == 10


@pytest.mark.parametrize("failing", [1, 2], ids=["looked at", "drawn"])
def test_a_picture_that_could_not_be_read_once_is_tried_again(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int,
) -> None:
    reads, read_bytes = [], Path.read_bytes

    def sometimes(path: Path) -> bytes:
        reads.extend([path] if path.name == "03.png" else [])
        if path.name == "03.png" and len(reads) == failing:
            raise OSError(5, "Input/output error")
        return read_bytes(path)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", sometimes)
        report = build(options(raw), tmp_path / "out", say=quiet)
    assert report.usable == 9 and report.skipped == {"could not be read": 1}
    report = build(options(raw), tmp_path / "out", say=quiet)
    is_built(tmp_path / "out", {f"{i:02d}": art(i) for i in range(10)}, report)

"""What the builder leaves out and what stops it: counted by its real reason, by every name, or told in one sentence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFont

from lib_colorize.errors import ColorizeError
from tests.training_data_folders import art, encoded, write_pairs, write_zip
from training.dataset.build import build
from training.dataset.build_options import BuildOptions
from training.dataset.extractors import REGISTRY, Choice, register_maker
from training.dataset.inspection import Limits
from training.dataset.pairs import DataOptions, open_pairs
from training.dataset.report import Report
from training.dataset.sheet import headline
from training.dataset.source import raw_pictures

ROOT = Path(__file__).parent.parent


def quiet(message: str) -> None:
    """No output."""


def options(raw: Path, *extractors: Choice, **changes: object) -> BuildOptions:
    return BuildOptions((str(raw),), extractors or (Choice("edges"),), Limits(8, 9.0), **changes)  # type: ignore[arg-type]


# Names

def test_pictures_that_share_a_name_but_for_the_suffix_are_all_kept(tmp_path: Path) -> None:
    raw, names = tmp_path / "raw", ["a.jpg", "a.webp", "a.jpg.png", "b.png", "c.png", "c.PNG", "d/e.png", "d/e.jpg"]
    for i, name in enumerate(names):
        (raw / name).parent.mkdir(parents=True, exist_ok=True)
        art(i).save(raw / name)
    write_zip(raw / "d.zip", [("e.png", encoded(art(8))), ("e.jpg", encoded(art(9), "JPEG"))])
    report = build(options(raw), tmp_path / "out", say=quiet)
    assert report.found == report.usable == 10 and not report.skipped
    lines = (tmp_path / "out/index.jsonl").read_text(encoding="utf-8").splitlines()
    assert sorted(json.loads(line)["source"] for line in lines) == sorted([
        "a.jpg", "a.webp", "a.jpg.png", "b", "c.png", "c.PNG", "d/e.png", "d/e.jpg", "d.zip/e.png", "d.zip/e.jpg"])
    assert len(open_pairs(tmp_path / "out", DataOptions(resolution=32))) == 10


def test_tags_find_pictures_that_share_a_name(tmp_path: Path) -> None:
    for name, number in (("a.png", 0), ("a.webp", 1), ("b.png", 2)):
        (tmp_path / "raw").mkdir(exist_ok=True)
        art(number).save(tmp_path / "raw" / name)
    (tmp_path / "tags").mkdir()
    tags = [{"member": "a.png", "score": 1}, {"member": "a.webp", "score": 2}, {"member": "b", "score": 3}]
    (tmp_path / "tags/index.json").write_text(json.dumps(tags), encoding="utf-8")
    build(options(tmp_path / "raw", tags=str(tmp_path / "tags")), tmp_path / "out", say=quiet)
    lines = (tmp_path / "out/index.jsonl").read_text(encoding="utf-8").splitlines()
    assert {line["source"]: line["score"] for line in map(json.loads, lines)} == {"a.png": 1, "a.webp": 2, "b": 3}


@pytest.mark.parametrize("suffix", [".PnG", ".pNG", ".PNG", ".png"])
def test_a_suffix_may_be_in_any_case(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "raw").mkdir()
    art(0).convert("RGB").save(tmp_path / f"raw/Mixed{suffix}", "PNG")
    assert build(options(tmp_path / "raw"), tmp_path / "out", say=quiet).usable == 1
    folder = write_pairs(tmp_path / "data", 2, layout="folder", shards=1)
    for part in ("color", "sketch"):
        (folder / part / "0000/0001.png").rename(folder / part / f"0000/0001{suffix}")
    pairs = open_pairs(folder, DataOptions(resolution=32))
    assert pairs.catalog.keys == ["0000/0000", "0000/0001"] and pairs.batch([0, 1], 0, 0).sketch.shape[0] == 2
    assert not pairs.report.skipped


def test_a_zip_may_be_spelt_in_capitals(tmp_path: Path) -> None:
    write_zip(tmp_path / "raw/MORE.ZIP", [("x.png", encoded(art(0)))])
    assert [raw.key for raw in raw_pictures(tmp_path / "raw", Report())] == ["MORE/x"]


# Counting

@pytest.fixture
def moody() -> Iterator[Choice]:
    """An extractor of the user's own that refuses some pictures in its own words."""
    def extract(picture: Image.Image) -> Image.Image:
        if np.asarray(picture)[0, 0, 0] < 128:
            raise ColorizeError("moody: too dark for me")
        return Image.linear_gradient("L").resize(picture.size)

    register_maker("moody", lambda weights, device: extract)
    yield Choice("moody")
    REGISTRY.pop("moody")


def test_every_reason_is_counted_as_what_it_is(tmp_path: Path, moody: Choice) -> None:
    raw, masks = tmp_path / "raw", tmp_path / "masks"
    raw.mkdir()
    masks.mkdir()
    art(0).save(raw / "good.png")
    art(1).save(raw / "bad mask.png")
    (masks / "bad mask.png").write_bytes(b"broken")
    Image.new("RGB", (64, 48), (9, 90, 9)).save(raw / "dark.png")
    report = build(options(raw, moody, masks=str(masks)), tmp_path / "out", say=quiet)
    assert report.skipped == {"damaged mask": 1, "moody: too dark for me": 1} and report.usable == 1
    (raw / "flat.png").write_bytes(encoded(Image.new("RGB", (64, 48), "teal")))
    report = build(options(raw), tmp_path / "edges", say=quiet)
    assert report.skipped == {"no lines found": 2} and report.usable == 2


def test_all_names_that_were_passed_over_stand_in_a_file(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    art(0).save(raw / "good.png")
    for i in range(12):
        (raw / f"note {i:02d}.txt").write_text("hello", encoding="utf-8")
    (raw / "broken.png").write_bytes(b"broken")
    report = build(options(raw), tmp_path / "out", say=quiet)
    lines = (tmp_path / "out/skipped.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [
        {"reason": "not a picture", "name": "broken"},
        *({"reason": "not a picture by its name", "name": f"raw/note {i:02d}.txt"} for i in range(12))]
    assert sum(report.skipped.values()) == 13


def test_the_headline_of_the_sheet_is_not_cut_off() -> None:
    font = ImageFont.load_default()
    skipped = {f"a reason of some length, number {i}": 1000 + i for i in range(14)}
    text = headline({"usable": 5, "found": 99, "skipped": skipped}, font, 400)
    lines = text.split("\n")
    assert len(lines) > 3 and all(font.getlength(line) <= 400 for line in lines)
    joined = " ".join(lines)
    assert joined.startswith("5 of 99 pictures; 1000 a reason")
    assert all(f"{1000 + i} a reason" in joined for i in range(14))


# Links and disks

def loops(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    os.symlink("loop.png", folder / "loop.png")
    os.symlink("pong.png", folder / "ping.png")
    os.symlink("ping.png", folder / "pong.png")
    os.symlink(".", folder / "again")


def test_loops_of_links_are_counted(tmp_path: Path) -> None:
    loops(tmp_path / "raw")
    art(0).save(tmp_path / "raw/good.png")
    report = build(options(tmp_path / "raw"), tmp_path / "out", say=quiet)
    assert report.usable == 1 and report.skipped == {"not an ordinary file": 3, "a link to a folder": 1}
    folder = write_pairs(tmp_path / "data", 2, layout="folder", shards=1)
    loops(folder / "color/0000")
    pairs = open_pairs(folder, DataOptions(resolution=32))
    assert len(pairs) == 2 and pairs.report.skipped == {"not an ordinary file": 3, "a link to a folder": 1}


@pytest.mark.skipif(sys.platform == "win32", reason="no ulimit")
@pytest.mark.parametrize("blocks", [4, 40])
def test_a_full_disk_is_one_sentence_and_the_next_run_goes_on(tmp_path: Path, blocks: int) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    for i in range(4):
        Image.fromarray(np.random.default_rng(i).integers(0, 256, (150, 150, 3), dtype=np.uint8)).save(raw / f"{i}.png")
    command = [sys.executable, "-m", "training.build", "--source", str(raw), "--out", str(tmp_path / "out"),
               "--extractor", "edges", "--min-side", "8", "--device", "cpu"]
    limited = subprocess.run(["bash", "-c", f'ulimit -f {blocks}; exec "$@"', "bash", *command], cwd=ROOT,
                             capture_output=True, text=True)
    assert limited.returncode == 1 and "Traceback" not in limited.stderr, limited.stderr
    assert limited.stderr.startswith("error: ") and "not written: File too large" in limited.stderr
    assert len(limited.stderr.strip().splitlines()) == 1
    assert not [p for p in (tmp_path / "out").rglob("*") if p.name.startswith(".unfinished")]
    whole = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert whole.returncode == 0 and "4 usable samples of 4; nothing skipped" in whole.stdout, whole.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="no ulimit")
def test_a_disk_that_is_full_while_a_cache_is_made_is_one_sentence(tmp_path: Path) -> None:
    data = write_pairs(tmp_path / "data", 8, ((128, 128),))
    command = [sys.executable, "-m", "training.cache", "--preset", "pocket", "--data", str(data), "--kinds", "latents",
               "--set", f"start.vae={ROOT / 'models' / 'colorize-small.safetensors'}", "--out", str(tmp_path / "cache"),
               "--device", "cpu"]
    limited = subprocess.run(["bash", "-c", 'ulimit -f 8; exec "$@"', "bash", *command], cwd=ROOT, capture_output=True,
                             text=True)
    assert limited.returncode == 1 and "Traceback" not in limited.stderr, limited.stderr
    assert "not written" in limited.stderr and len(limited.stderr.strip().splitlines()) == 1
    left = {path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()}
    assert left <= {"made_from.json"}
    whole = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert whole.returncode == 0 and "1 of 1 shards" in whole.stdout, whole.stderr

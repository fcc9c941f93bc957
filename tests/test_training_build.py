"""The builder: what it takes, what it leaves out, what it writes; the same by every engine, and after a stop."""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageEnhance

from lib_colorize.errors import ColorizeError
from tests.training_data_folders import art, color_of, encoded, write_zip
from training.dataset import drawing
from training.dataset.build import build
from training.dataset.build_command import main, options_of, parser
from training.dataset.build_options import BuildOptions
from training.dataset.dedupe import duplicates, fingerprint
from training.dataset.extractors import Choice, Mixture
from training.dataset.inspection import Limits, saturation
from training.dataset.pairs import DataOptions, open_pairs
from training.dataset.shards import Written, write_shard
from training.small import build_data

LIMITS = Limits(min_side=40, max_aspect=2.0)
LINEART, EDGES = Choice("lineart"), Choice("edges")


def quiet(message: str) -> None:
    """No output."""


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Ten good pictures in folders and a zip, and one of every kind that is left out."""
    folder = tmp_path / "raw"
    (folder / "a" / "b").mkdir(parents=True)
    for i in range(6):
        art(i).save(folder / "a" / f"{i}.png")
    write_zip(folder / "more.zip", [(f"{i}.png", encoded(art(i))) for i in range(6, 10)])
    art(0).resize((108, 90), Image.Resampling.LANCZOS).save(folder / "a" / "b" / "copy of 0.jpg", quality=85)  # larger
    art(20, (50, 30)).save(folder / "a" / "small.png")
    art(21, (200, 60)).save(folder / "a" / "long.png")
    (folder / "a" / "broken.png").write_bytes(encoded(art(22))[:-200])
    (folder / "a" / "readme.txt").write_text("hello")
    Image.new("RGB", (64, 64), "orange").save(folder / "a" / "flat.png")
    return folder


def options(raw: Path, **changes: Any) -> BuildOptions:
    made = BuildOptions((str(raw),), (LINEART, EDGES), LIMITS, shard=4)
    return replace(made, **changes)


def contents(out: Path) -> dict[str, bytes]:
    found = (p for part in ("color", "sketch", "mask", "tar", "index") for p in (out / part).rglob("*"))
    return {str(p.relative_to(out)): p.read_bytes() for p in found if p.is_file()}


def test_every_picture_is_written_or_counted(raw: Path, tmp_path: Path) -> None:
    report = build(options(raw), tmp_path / "out", say=quiet)
    assert report.found == 15 and report.usable == 10
    assert report.skipped == {"shorter side below 40 px": 1, "aspect ratio above 2": 1, "damaged picture": 1,
                              "not a picture by its name": 1, "duplicate": 1, "no lines found": 1}
    assert report.examples["duplicate"] == ["a/0 of a/b/copy of 0"]  # the larger one stays
    pairs = open_pairs(tmp_path / "out", DataOptions(resolution=32, flip=False, max_margin=0, crop="squash"))
    assert len(pairs) == 10 and not pairs.report.skipped
    lines = [json.loads(line) for line in (tmp_path / "out/index.jsonl").read_text().splitlines()]
    assert {line["member"] for line in lines} == set(pairs.catalog.keys)
    by_member = {line["member"]: line for line in lines}
    for index, key in enumerate(pairs.catalog.keys):
        source = by_member[key]["source"]
        if "copy" not in source:
            number = int(source.rpartition("/")[2])
            content = pairs.catalog.content(index, "color")
            assert content and np.array_equal(np.asarray(Image.open(io.BytesIO(content))), np.asarray(art(number)))
            assert tuple(pairs.catalog.sizes[index]) == (72, 60)


def test_lines_lie_where_the_outlines_are(raw: Path, tmp_path: Path) -> None:
    build(options(raw, extractors=(LINEART,)), tmp_path / "out", say=quiet)
    pairs = open_pairs(tmp_path / "out", DataOptions(resolution=48, flip=False, max_margin=0, crop="squash"))
    for index in range(len(pairs)):
        batch = pairs.batch([index], 0, 0)
        drawn, dark = batch.sketch[0, 0] > 0, batch.color[0].amax(0) < -0.6
        assert float(dark[drawn].float().mean()) > 0.5 > 0.3 > float(dark[~drawn].float().mean())


def test_what_was_found_is_told_in_numbers_and_on_a_sheet(raw: Path, tmp_path: Path) -> None:
    build(options(raw), tmp_path / "out", say=quiet)
    found = json.loads((tmp_path / "out/statistics.json").read_text())
    assert found["usable"] == 10 and sum(found["extractors"].values()) == 10
    for name in ("shorter_side", "aspect", "saturation"):
        assert sum(found[name]["counts"]) == 10
    assert found["shorter_side"]["edges"][0] == 60 and found["shorter_side"]["edges"][-1] == 90
    sheet = Image.open(tmp_path / "out/statistics.png")
    assert sheet.width > 500 and len(sheet.convert("RGB").getcolors(2**24) or []) > 50


def test_a_second_run_does_nothing_and_a_stopped_one_goes_on(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = tmp_path / "whole"
    build(options(raw), whole, say=quiet)
    original, written = write_shard, []

    def stop_at_the_second(out: Path, shard: str, *more: Any) -> int:
        if shard == "00001":
            raise KeyboardInterrupt
        written.append(shard)
        return original(out, shard, *more)

    monkeypatch.setattr(drawing, "write_shard", stop_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        build(options(raw), tmp_path / "parts", say=quiet)
    monkeypatch.setattr(drawing, "write_shard", lambda out, shard, *more: written.append(shard) or original(
        out, shard, *more))
    report = build(options(raw), tmp_path / "parts", say=quiet)
    assert written == ["00000", "00001", "00002"]
    assert contents(tmp_path / "parts") == contents(whole) and report.usable == 10
    build(options(raw), tmp_path / "parts", say=quiet)
    assert len(written) == 3


def test_other_options_never_mix_with_a_build(raw: Path, tmp_path: Path) -> None:
    build(options(raw), tmp_path / "out", say=quiet)
    with pytest.raises(ColorizeError, match="other options"):
        build(options(raw, seed=1), tmp_path / "out", say=quiet)


def test_workers_make_the_same_bytes(raw: Path, tmp_path: Path) -> None:
    build(options(raw), tmp_path / "here", say=quiet)
    build(options(raw), tmp_path / "there", workers=2, say=quiet)
    assert contents(tmp_path / "here") == contents(tmp_path / "there")


@pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.*")
def test_ray_makes_the_same_bytes(raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray.data", reason="pip install 'ray[data]'")
    monkeypatch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    build(options(raw), tmp_path / "here", say=quiet)
    build(options(raw), tmp_path / "there", engine_name="ray", workers=1, say=quiet)
    assert contents(tmp_path / "here") == contents(tmp_path / "there")


def test_tags_filter_and_come_along(raw: Path, tmp_path: Path) -> None:
    tags = [{"member": f"a/{i}.png", "tags": [f"t{i}", "all"], "score": i} for i in range(6)]
    (tmp_path / "tags").mkdir()
    (tmp_path / "tags/index.jsonl").write_text("\n".join(map(json.dumps, tags)))
    chosen = options(raw, tags=str(tmp_path / "tags"), where=("score>=2", "tags!=t3"))
    report = build(chosen, tmp_path / "out", say=quiet)
    lines = [json.loads(line) for line in (tmp_path / "out/index.jsonl").read_text().splitlines()]
    assert {line["source"] for line in lines} == {"a/2", "a/4", "a/5"} and report.skipped["filtered out"] == 3
    assert all(line["tags"] == [f"t{line['source'][2:]}", "all"] and line["score"] >= 2 for line in lines)
    pairs = open_pairs(tmp_path / "out", DataOptions(resolution=32, where=("tags=t4",)))
    assert len(pairs) == 1


def test_tars_and_masks_hold_the_same_samples(raw: Path, tmp_path: Path) -> None:
    figure = Image.new("L", (72, 60), 0)
    figure.paste(255, (10, 10, 60, 50))
    (tmp_path / "masks/a").mkdir(parents=True)
    figure.save(tmp_path / "masks/a/3.png")
    out = tmp_path / "out"
    build(options(raw, tar=True, masks=str(tmp_path / "masks"), kind="webp"), out, say=quiet)
    names = []
    for path in out.glob("tar/*.tar"):
        with tarfile.open(path) as tar:
            names += tar.getnames()
    assert len(names) == 10 * 3 + 1
    webdataset = pytest.importorskip("webdataset")
    samples = list(webdataset.WebDataset([str(p) for p in sorted(out.glob("tar/*.tar"))], shardshuffle=False))
    assert len(samples) == 10
    with_mask = [s for s in samples if "mask.png" in s]
    assert len(with_mask) == 1 and json.loads(with_mask[0]["json"])["source"] == "a/3"
    pairs = open_pairs(out, DataOptions(resolution=32, white_background=1.0))
    for s in samples:
        member = json.loads(s["json"])["member"]
        assert pairs.catalog.content(pairs.catalog.keys.index(member), "color") == s["color.webp"]
        assert pairs.catalog.content(pairs.catalog.keys.index(member), "sketch") == s["sketch.png"]


def test_larger_pictures_are_made_smaller_and_sketches_with_them(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    art(1, (240, 160)).save(tmp_path / "raw/x.png")
    build(options(tmp_path / "raw", max_side=120), tmp_path / "out", say=quiet)
    pairs = open_pairs(tmp_path / "out", DataOptions(resolution=32))
    assert pairs.catalog.sizes.tolist() == [[120, 80]]
    sketch = pairs.catalog.content(0, "sketch")
    assert sketch and Image.open(io.BytesIO(sketch)).size == (120, 80)


# Duplicates

def prints(pictures: list[Image.Image]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    found = [fingerprint(p) for p in pictures]
    hashes, colours = (np.stack([np.frombuffer(f[i], np.uint8) for f in found]) for i in (0, 1))
    return hashes, colours, np.array([p.width * p.height for p in pictures])


def test_copies_are_found_and_different_or_recoloured_pictures_are_not() -> None:
    base = [color_of(i, (200, 160)) for i in range(12)]
    jpeg = Image.open(io.BytesIO(encoded(base[3], "JPEG", quality=60)))
    small = base[5].resize((120, 96), Image.Resampling.BICUBIC)
    brighter = ImageEnhance.Brightness(base[7]).enhance(1.03)
    recoloured = Image.merge("RGB", (base[9].getchannel("B"), base[9].getchannel("G"), base[9].getchannel("R")))
    better = duplicates(*prints([*base, jpeg, small, brighter, recoloured]))
    assert better.tolist() == [-1] * 12 + [3, 5, 7, -1]


def test_banding_finds_every_pair_that_comparing_all_finds() -> None:
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 256, (300, 32), dtype=np.uint8)
    for i in range(0, 200, 2):  # neighbours that differ in 0 to 20 bits
        bits = np.unpackbits(hashes[i])
        bits[rng.permutation(256)[:rng.integers(0, 21)]] ^= 1
        hashes[i + 1] = np.packbits(bits)
    distance = (np.unpackbits(hashes, axis=1)[:, None] != np.unpackbits(hashes, axis=1)[None]).sum(2)
    colours = np.zeros((300, 48), np.uint8)
    better = duplicates(hashes, colours, np.arange(300)[::-1].copy(), max_bits=12)
    for i in range(300):
        near = [j for j in range(i) if distance[i, j] <= 12]
        assert (better[i] >= 0) == bool(near) and (not near or better[i] in near)
    assert 40 < (better >= 0).sum() < 80


def test_few_lines_in_different_places_are_no_duplicates() -> None:
    pictures = []
    for x in (10, 90, 150):
        image = Image.new("RGB", (200, 200), "white")
        ImageDraw.Draw(image).line((x, 20, x + 30, 180), fill="black", width=2)
        pictures.append(image)
    assert duplicates(*prints([*pictures, pictures[1]])).tolist() == [-1, -1, -1, 1]


def test_black_and_white_pages_can_be_left_out() -> None:
    assert saturation(Image.new("RGB", (50, 50), "grey")) == 0
    assert saturation(Image.new("RGB", (50, 50), "red")) == 1
    half = Image.new("RGB", (64, 64), "white")
    half.paste((255, 0, 0), (0, 0, 32, 64))
    assert saturation(half) == pytest.approx(0.5, abs=0.01)


# The mixture

def test_a_mixture_has_its_shares_and_depends_on_the_name_alone() -> None:
    mixture = Mixture((Choice("lineart", share=3), Choice("edges", share=1)), seed=5)
    chosen = [mixture.index(f"picture {i}") for i in range(4000)]
    assert np.mean(chosen) == pytest.approx(0.25, abs=0.02)
    assert chosen == [mixture.index(f"picture {i}") for i in range(4000)]
    other = Mixture((Choice("lineart", share=3), Choice("edges", share=1)), seed=6)
    assert chosen != [other.index(f"picture {i}") for i in range(4000)]


@pytest.mark.parametrize("text, expected", [
    ("lineart", Choice("lineart")), ("edges:0.5", Choice("edges", None, 0.5)),
    ("anime2sketch=a/netG.pth:2", Choice("anime2sketch", Path("a/netG.pth"), 2.0)),
    ("sketchkeras=C:/w/model.pth", Choice("sketchkeras", Path("C:/w/model.pth")))])
def test_an_extractor_is_named_with_weights_and_share(text: str, expected: Choice) -> None:
    assert Choice.parse(text) == expected


@pytest.mark.parametrize("text", ["pencil", "lineart:0", "lineart:-1", ""])
def test_a_wrong_extractor_is_named(text: str) -> None:
    with pytest.raises(ColorizeError, match="expected NAME"):
        Choice.parse(text)


# The command

def test_the_command_says_what_is_wrong_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, message in ((["--source", str(tmp_path / "none")], "no such folder"),
                               (["--source", str(tmp_path)], "no picture is left"),
                               (["--source", str(tmp_path), "--extractor", "anime2sketch"], "needs its weights"),
                               (["--source", str(tmp_path), "--where", "score>1"], "--tags")):
        with pytest.raises(SystemExit) as stopped:
            main([*arguments, "--out", str(tmp_path / "out" / message[:4])])
        assert message in str(stopped.value.code) and "\n" not in str(stopped.value.code)


def test_the_command_line_makes_the_options(tmp_path: Path) -> None:
    args = parser().parse_args(["--source", "a", "--source", "b", "--out", "o", "--extractor", "edges:2", "--tags", "t",
                                "--where", "x>1", "--keep-duplicates", "--format", "jpg", "--tar", "--min-side", "9"])
    made = options_of(args)
    assert made.sources == ("a", "b") and made.extractors == (Choice("edges", None, 2.0),) and made.where == ("x>1",)
    assert (made.kind, made.tar, made.max_bits, made.limits.min_side, made.tags) == ("jpg", True, -1, 9, "t")


# Pictures of the small model

def test_drawn_pairs_are_written_in_the_layout_that_training_reads(tmp_path: Path) -> None:
    lines = np.full((40, 40), 255, np.uint8)
    lines[10:30, 18:20] = 0
    colours = np.random.default_rng(0).integers(0, 256, (3, 40, 40, 3), dtype=np.uint8)
    blank = np.full((40, 40), 255, np.uint8)
    drawn = [("openmoji/1F600", 0, (colours[0], lines)), ("openmoji/1F600", 1, (colours[1], lines)),
             ("dicebear/x", 0, None), ("dicebear/y", 0, (colours[2], blank))]
    assert build_data.write_pairs(tmp_path, drawn) == 2
    pairs = open_pairs(tmp_path, DataOptions(resolution=40, flip=False, max_margin=0))
    assert pairs.catalog.keys == ["0000/openmoji-1F600-0", "0000/openmoji-1F600-1"]
    batch = pairs.batch([0, 1], 0, 0)
    assert torch.allclose(batch.color, torch.from_numpy(colours[:2]).permute(0, 3, 1, 2) / 127.5 - 1, atol=1e-6)
    assert torch.equal(batch.sketch[0, 0] == 1, torch.from_numpy(lines == 0))


def test_a_shard_is_there_whole_or_its_index_is_not(tmp_path: Path) -> None:
    def samples() -> Any:
        yield Written("a", art(0), art(0).convert("L"))
        raise OSError("disk")

    with pytest.raises(OSError):
        write_shard(tmp_path, "00000", samples())
    assert list(tmp_path.rglob("*")) == []

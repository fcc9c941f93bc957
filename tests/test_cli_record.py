"""The record of what made a picture: where it is found, what of it is believed, and the formats that carry it."""

from __future__ import annotations

import json
import os
import struct
import zlib
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from lib_colorize.cli.extra_files import ExtraFiles
from lib_colorize.cli.png import SIGNATURE
from lib_colorize.cli.record import FURTHER, PICTURES, FileRecord, Record
from lib_colorize.cli.result_file import KEY, read_record, save_result
from lib_colorize.errors import ColorizeError
from lib_colorize.method.setting_field import checked
from lib_colorize.method.settings import Settings
from lib_colorize.pictures.extras import LAST, Extras
from tests.coloured_files import again, colorize, pixels
from tests.standalone_models import draw_reference, draw_sketch, write_checkpoint

FILE = FileRecord("a.png", "../a.png", "0" * 64)
RECORD = Record(Settings(seed=7), FILE, FILE, FILE, None, "v", "cpu", "float32", 2, {"torch": "2.1"})
A = {"name": "a.png", "path": "../a.png", "sha256": "0" * 64}
OLD = {  # as commit 2634a3b wrote it
    "settings": {"Reference guidance": "5.0", "Seed": "7", "Batch size": "1"}, "sketch": A,
    "reference": A, "checkpoint": A, "reference_encoder": None, "prediction": "v",
    "device": "cpu", "dtype": "float32", "threads": 2, "versions": {"torch": "2.1"}}


@pytest.fixture(scope="module")
def inputs(module_folder: Path) -> Path:
    """model.safetensors, sketch.png and reference.png, never changed."""
    write_checkpoint(module_folder / "model.safetensors")
    draw_sketch(module_folder / "sketch.png")
    draw_reference(module_folder / "reference.png")
    return module_folder


# what a record says ---------------------------------------------------------------------------------------------------


def test_a_record_without_the_later_entries_is_read_and_a_simple_one_is_written_as_before() -> None:
    old = Record.from_text(json.dumps(OLD))
    assert (old.files, old.weights, old.read_as, old.lossy) == ({}, {}, "", "")
    assert set(json.loads(RECORD.to_text())) == set(OLD)


def test_a_record_says_everything_that_was_put_in() -> None:
    full = replace(RECORD, files={name: FILE for name in (*PICTURES, "text_encoder")}, reference_encoder=FILE,
                   weights={"reference": 0.5, FURTHER[0]: 2.0}, read_as="dark lines on light", lossy="JPEG, quality 95")
    assert Record.from_text(full.to_text()) == full and full.to_text().isascii()


@pytest.mark.parametrize(("change", "said"), (
    ({"files": {"background": FILE}}, "another background"), ({"weights": {"reference": 0.5}}, "another weight"),
    ({"settings": Settings(seed=8)}, "Seed 7, not 8"), ({"dtype": "float16"}, "another dtype"),
    ({"reference_encoder": FILE}, "another reference encoder"), ({"sketch": replace(FILE, sha256="1" * 64)}, "sketch"),
    ({"settings": Settings(seed=7, extractor="lineart")}, "Line extractor none, not lineart")))
def test_another_picture_is_told_and_in_what(change: dict[str, object], said: str) -> None:
    other = replace(RECORD, **change)  # type: ignore[arg-type]
    [difference] = RECORD.differences(other)
    assert said in difference and not RECORD.same_picture(other)


def test_what_does_not_make_the_picture_is_not_compared() -> None:
    other = replace(RECORD, sketch=replace(FILE, name="b", path="b"), device="cuda", threads=1, versions={},
                    read_as="light lines on dark", lossy="JPEG, quality 5")
    assert RECORD.same_picture(other)
    drawn = replace(RECORD, settings=Settings(seed=8))
    assert RECORD.same_picture(drawn, any_seed=True) and not RECORD.same_picture(drawn)


def test_a_record_of_an_older_version_means_what_was_done_then_and_that_is_another_picture_now() -> None:
    changed = [item for item in fields(Settings) if item.metadata["before"] is not None]
    then = {key: value for key, value in Settings(seed=7).to_infotext().items()
            if key not in [item.metadata["infotext"] for item in changed]}
    old = Record.from_text(json.dumps({**OLD, "settings": then}))
    assert changed and all(getattr(old.settings, item.name) == checked(item, item.metadata["before"])
                           for item in changed)
    said = old.differences(RECORD)
    assert len(said) == len(changed) and Record.from_text(old.to_text()).same_picture(old)


DAMAGE: dict[str, object] = {
    "threads text": {"threads": "2"}, "threads 0": {"threads": 0}, "threads huge": {"threads": 10**6},
    "threads bool": {"threads": True}, "threads float": {"threads": 2.0}, "threads null": {"threads": None},
    "dtype": {"dtype": "int4"}, "dtype list": {"dtype": []}, "device": {"device": "cpu; rm"},
    "device int": {"device": 0},
    "prediction": {"prediction": "x0"}, "versions list": {"versions": ["torch"]}, "versions int": {"versions": 1},
    "version number": {"versions": {"torch": 2.1}}, "path int": {"sketch": {**A, "path": 3}},
    "path null byte": {"sketch": {**A, "path": "a\0b"}}, "path empty": {"sketch": {**A, "path": ""}},
    "sha int": {"reference": {**A, "sha256": 5}}, "sha short": {"checkpoint": {**A, "sha256": "ab"}},
    "name list": {"sketch": {**A, "name": []}}, "file null": {"sketch": None}, "file text": {"sketch": "a.png"},
    "file more": {"sketch": {**A, "size": 3}}, "encoder number": {"reference_encoder": 4},
    "encoder false": {"reference_encoder": False}, "entry more": {"later": 1}, "settings list": {"settings": []},
    "batch": {"settings": {"Batch size": "3"}}, "steps": {"settings": {"Steps": "-1"}},
    "steps number": {"settings": {"Steps": 20}}, "steps word": {"settings": {"Steps": "many"}},
    "window": {"settings": {"Reference from": "0.9", "Reference until": "0.1"}},
    "sampler": {"settings": {"Sampler": "PLMS"}}, "scheduler": {"settings": {"Schedule type": "Beta"}},
    "extractor": {"settings": {"Line extractor": "magic"}}, "setting later": {"settings": {"Later": "1"}},
    "files list": {"files": []}, "files name": {"files": {"other": A}},
    "weights": {"weights": {"reference": "1"}}, "weight nan": {"weights": {"reference": float("nan")}},
    "weight minus": {"weights": {"reference": -1}}, "weight of": {"weights": {"x": 1}}, "read_as": {"read_as": 3},
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_value_that_cannot_be_is_one_sentence(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    with_text(json.dumps({**OLD, **DAMAGE[kind]}), tmp_path / "a.png")  # type: ignore[dict-item]
    assert again(tmp_path / "a.png", tmp_path / "b.png") == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "the record in the picture is damaged (" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png"]


@pytest.mark.parametrize("missing", OLD)
def test_an_entry_that_is_missing_is_named(missing: str) -> None:
    with pytest.raises(ColorizeError, match=f"damaged .*{missing} is missing"):
        Record.from_text(json.dumps({key: value for key, value in OLD.items() if key != missing}))


@pytest.mark.parametrize("text", ("", "{", "[]", "null", "3", '"a"', "[" * 100_000, '{"a": ' * 100_000, "1" * 5000,
                                  json.dumps(OLD)[:-20], json.dumps(OLD) + "x", "NaN", "\ud800"))
def test_a_text_that_is_no_record_is_one_sentence(text: str) -> None:
    with pytest.raises(ColorizeError, match=r"damaged \([^\n]+\); it cannot be repeated"):
        Record.from_text(text)


@pytest.mark.parametrize("path", ("x" * 300, "/" + "x/" * 2000 + "a.png", "..", ".", "/"))
def test_a_path_that_no_system_takes_is_one_sentence(
    path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    with_text(json.dumps({**OLD, "sketch": {**A, "path": path}}), tmp_path / "a.png")
    assert again(tmp_path / "a.png", tmp_path / "b.png") == 2
    assert capsys.readouterr().err.count("\n") == 1


# where it is found ----------------------------------------------------------------------------------------------------


def with_text(text: str, path: Path, kind: str = "itxt", compressed: bool = False) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_itxt(KEY, text, zip=compressed) if kind == "itxt" else info.add_text(KEY, text, zip=compressed)
    Image.new("RGB", (16, 16)).save(path, pnginfo=info)


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], len(SIGNATURE)
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        found.append((kind, data[at + 8:at + 8 + length]))
        at += 12 + length
    return found


def file_of(parts: list[tuple[bytes, bytes]]) -> bytes:
    return SIGNATURE + b"".join(struct.pack(">I4s", len(content), kind) + content
                                + struct.pack(">I", zlib.crc32(kind + content)) for kind, content in parts)


@pytest.mark.parametrize("kind", ("itxt", "text"))
@pytest.mark.parametrize("compressed", (False, True))
@pytest.mark.parametrize("behind", (False, True))
def test_a_record_is_found_wherever_it_lies_and_however_it_is_stored(
    kind: str, compressed: bool, behind: bool, tmp_path: Path,
) -> None:
    path = tmp_path / "a.png"
    with_text(RECORD.to_text(), path, kind, compressed)
    huge = (b"zTXt", b"workflow\0\0" + zlib.compress(b"x" * 80_000_000, 1))  # more than Pillow takes
    parts = [part for part in chunks(path.read_bytes()) if part[1][:len(KEY)] != KEY.encode()]
    text = next(part for part in chunks(path.read_bytes()) if part[1][:len(KEY)] == KEY.encode())
    parts[1:1] = [huge, (b"tEXt", b"Author\0somebody")] if behind else [huge, text]
    if behind:
        parts.insert(-1, text)
    path.write_bytes(file_of(parts))
    assert read_record(path) == RECORD


@pytest.mark.parametrize("spoil", ("checksum", "cut off", "inflated", "not deflated"))
def test_a_chunk_that_is_damaged_is_one_sentence(spoil: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    with_text(RECORD.to_text(), path, "text", compressed=True)
    data = bytearray(path.read_bytes())
    at = data.index(KEY.encode())
    if spoil == "checksum":
        data[at + 40] ^= 1
    elif spoil == "cut off":
        del data[at + 60:]
    else:
        content = zlib.compress(b"0" * 50_000_000) if spoil == "inflated" else b"not deflated"
        head = chunks(bytes(data))[0]
        data = bytearray(file_of([head, (b"zTXt", KEY.encode() + b"\0\0" + content), (b"IEND", b"")]))
    path.write_bytes(data)
    with pytest.raises(ColorizeError, match="damaged"):
        read_record(path)


@pytest.mark.parametrize("content", (b"", b"x", SIGNATURE, SIGNATURE + b"\0", b"\xff\xd8\xff", b"RIFF0000WEBP"))
def test_a_file_without_a_record_is_one_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ColorizeError, match=r"a\.png: (not a picture|carries no settings)"):
        read_record(tmp_path / "a.png")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    for path in (tmp_path / "a.png", tmp_path):
        with pytest.raises(ColorizeError, match="not an ordinary file"):
            read_record(path)


# formats --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ("a.png", "a.webp", "a.jpg", "a.JPEG"))
def test_every_format_carries_the_record_and_is_repeated(
    name: str, inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    picture = tmp_path / name
    assert colorize(inputs, picture) == 0 and colorize(inputs, tmp_path / "plain.png") == 0
    assert again(picture, tmp_path / "again.png") == 0
    assert np.array_equal(pixels(tmp_path / "again.png"), pixels(tmp_path / "plain.png"))
    lossy = name.lower() in ("a.jpg", "a.jpeg")
    assert np.array_equal(pixels(picture), pixels(tmp_path / "plain.png")) is not lossy
    assert read_record(picture).lossy == ("JPEG, quality 95" if lossy else "")
    assert ("with loss (JPEG, quality 95)" in capsys.readouterr().err) is lossy
    assert colorize(inputs, picture) == 0  # finished before, not in the way


def test_quality_is_of_the_formats_that_have_one(
    inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    assert colorize(inputs, tmp_path / "a.webp", "--quality", "30") == 0
    assert read_record(tmp_path / "a.webp").lossy == "WebP, quality 30"
    for name, quality in (("a.png", "30"), ("b.jpg", "0"), ("b.jpg", "101"), ("b.jpg", "x"), ("b.jpg", "")):
        assert colorize(inputs, tmp_path / name, "--quality", quality) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.webp"]


@pytest.mark.parametrize(("name", "mode", "size"), (
    ("a.jpg", "RGBA", (8, 8)), ("a.webp", "RGB", (16384, 8)), ("a.gif", "RGB", (8, 8)), ("a.jpg", "RGB", (65536, 1))))
def test_what_a_format_cannot_hold_is_refused_and_nothing_is_left(
    name: str, mode: str, size: tuple[int, int], tmp_path: Path,
) -> None:
    with pytest.raises(ColorizeError, match=r"\.png"):
        save_result(Image.new(mode, size), tmp_path / name, RECORD)
    assert list(tmp_path.iterdir()) == []


def test_a_text_too_long_for_a_jpeg_is_refused(tmp_path: Path) -> None:
    long = replace(RECORD, versions={str(i): "x" * 1000 for i in range(80)})
    with pytest.raises(ColorizeError, match=r"\.png"):
        save_result(Image.new("RGB", (8, 8)), tmp_path / "a.jpg", long)
    save_result(Image.new("RGB", (8, 8)), tmp_path / "a.png", long)
    assert read_record(tmp_path / "a.png") == long


def test_transparency_is_kept_where_it_can_be(tmp_path: Path) -> None:
    clear = Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 8, 4), dtype=np.uint8))
    for name in ("a.png", "a.webp"):
        save_result(clear, tmp_path / name, RECORD)
        assert np.array_equal(np.asarray(Image.open(tmp_path / name)), np.asarray(clear))


@pytest.mark.parametrize("big", (False, True))
def test_a_comment_that_another_program_wrote_anew_as_utf_16_is_read(big: bool, tmp_path: Path) -> None:
    exif = Image.Exif()
    text = f"{KEY} {RECORD.to_text()}".encode("utf-16-be" if big else "utf-16-le")
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + text
    Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg", exif=exif)
    assert read_record(tmp_path / "a.jpg") == RECORD


# further pictures -----------------------------------------------------------------------------------------------------


def test_every_further_picture_of_a_job_has_a_name_in_the_record_and_comes_back(tmp_path: Path) -> None:
    paths = {name: draw_reference(tmp_path / f"{name}.png") for name in (*PICTURES, *LAST)}
    for i, path in enumerate(paths.values()):
        Image.new("RGB", (16, 16), (i, 0, 0)).save(path)
    read = ExtraFiles.read({**paths, "text_encoder": tmp_path / "background.png", "palette": tmp_path / "hints.png"},
                           {"reference": 0.5, "reference_2": 1.0, "reference_3": 2.0})
    record = replace(RECORD, files=read.records(tmp_path), weights=read.weights)
    back = ExtraFiles.recorded(Record.from_text(record.to_text()), tmp_path, {})
    assert (back.extras(), back.models) == (read.extras(), read.models) and set(back.paths()) == set(read.paths())
    extras = back.extras()
    given = {name for name, value in vars(extras).items() if value not in (None, ())}
    assert given == set(vars(Extras())) - {"begun"}  # a later picture of Extras wants a name of PICTURES
    assert extras.last is not None and extras.last.follow == 1
    assert [each.weight for each in extras.further] == [1.0, 2.0, 1.0] and extras.reference_weight == 0.5
    shown = [extras.sketch_mask, extras.reference_mask, extras.background, extras.reference_region,
             *(image for each in extras.further for image in (each.image, each.region)), extras.hints,
             extras.last.sketch, extras.last.coloured]
    assert extras.palette == ((len(PICTURES) - 1, 0, 0),)
    assert [image.getpixel((0, 0))[0] for image in shown if image] == list(range(len(paths)))


def test_a_further_picture_that_has_changed_or_moved_is_told_or_named(tmp_path: Path) -> None:
    draw_reference(tmp_path / "b.png")
    record = replace(RECORD, files=ExtraFiles.read({"background": tmp_path / "b.png"}).records(tmp_path))
    (tmp_path / "b.png").replace(tmp_path / "c.png")
    with pytest.raises(ColorizeError, match="background .*no such file"):
        ExtraFiles.recorded(record, tmp_path, {})
    assert "background" in ExtraFiles.recorded(record, tmp_path, {"background": str(tmp_path / "c.png")}).pictures
    draw_sketch(tmp_path / "b.png")
    with pytest.raises(ColorizeError, match="background .*not the file"):
        ExtraFiles.recorded(record, tmp_path, {})

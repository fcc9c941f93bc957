"""The command line: results, repeats, bad input, interrupts. `main` is called in this process but where a process is
the claim (exit codes, signals, limits)."""

from __future__ import annotations

import argparse
import os
import pickle
import resource
import signal
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from lib_colorize.cli import colorize, loading, options
from lib_colorize.cli import commands as cli
from lib_colorize.cli.result_file import KEY, read_record
from lib_colorize.method.settings import MAX_SEED, Settings
from lib_colorize.pictures.lineart import EXTRACTORS
from tests.standalone_models import draw_reference, draw_sketch, write_checkpoint

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def inputs(module_folder: Path) -> Path:
    """model.safetensors, sketch.png and reference.png, never changed."""
    write_checkpoint(module_folder / "model.safetensors")
    draw_sketch(module_folder / "sketch.png")
    draw_reference(module_folder / "reference.png")
    return module_folder


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def arguments(inputs: Path, output: Path, *more: str, sketch: Path | None = None) -> list[str]:
    return ["colorize", str(sketch or inputs / "sketch.png"), str(inputs / "reference.png"), "-o", str(output),
            "--checkpoint", str(inputs / "model.safetensors"), "--device", "cpu", "--steps", "2", "--quiet", *more]


def error_of(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on stderr."""
    text = capsys.readouterr().err
    assert text.startswith("error: ") and text.count("\n") == 1, text
    return text


def test_a_result_is_written_with_all_that_made_it(inputs: Path, out: Path) -> None:
    assert cli.main(arguments(inputs, out / "a.png", "--seed", "5", "--size", "72x64", "--sampler", "Euler a")) == 0
    record = read_record(out / "a.png")
    assert record.settings == Settings(seed=5, width=72, height=64, steps=2, sampler="Euler a")
    assert Image.open(out / "a.png").size == (72, 64)
    assert (record.sketch.name, record.reference.name, record.prediction) == ("sketch.png", "reference.png", "v")
    assert all(len(f.sha256) == 64 for f in (record.sketch, record.reference, record.checkpoint))
    assert os.listdir(out) == ["a.png"]


def test_a_batch_takes_numbered_names(inputs: Path, out: Path) -> None:
    assert cli.main(arguments(inputs, out / "a.png", "--batch", "2", "--seed", "5")) == 0
    assert sorted(os.listdir(out)) == ["a-1.png", "a-2.png"]
    assert [read_record(out / f"a-{i}.png").settings.seed for i in (1, 2)] == [5, 6]


def test_of_a_batch_only_what_is_missing_is_written(inputs: Path, out: Path) -> None:
    assert cli.main(arguments(inputs, out / "a.png", "--batch", "2")) == 0
    made = (out / "a-1.png").stat().st_mtime_ns
    (out / "a-2.png").unlink()
    assert cli.main(arguments(inputs, out / "a.png", "--batch", "2")) == 0
    assert (out / "a-1.png").stat().st_mtime_ns == made and read_record(out / "a-2.png").settings.seed == 1


@pytest.mark.parametrize("sampler", ("DPM++ 2M", "DPM++ 3M SDE"))
def test_from_png_repeats_a_picture_of_a_batch_bit_for_bit(inputs: Path, out: Path, sampler: str) -> None:
    options = ("--batch", "2", "--sampler", sampler, "--sketch-guidance", "2")
    assert cli.main(arguments(inputs, out / "a.png", *options)) == 0
    again = out / "deeper" / "b.png"
    again.parent.mkdir()
    assert cli.main(["colorize", "--from-png", str(out / "a-2.png"), "-o", str(again), "--quiet"]) == 0
    assert np.array_equal(np.asarray(Image.open(out / "a-2.png")), np.asarray(Image.open(again)))
    assert read_record(out / "a-2.png").same_picture(read_record(again))


def test_from_png_finds_moved_inputs_when_they_are_named(inputs: Path, out: Path, tmp_path: Path) -> None:
    for name in ("sketch.png", "reference.png"):
        (tmp_path / name).write_bytes((inputs / name).read_bytes())
    assert cli.main(arguments(tmp_path, out / "a.png", "--checkpoint", str(inputs / "model.safetensors"))) == 0
    for name in ("sketch.png", "reference.png"):
        (tmp_path / name).rename(tmp_path / f"moved-{name}")
    again = ["colorize", "--from-png", str(out / "a.png"), "-o", str(out / "b.png"), "--quiet"]
    assert cli.main(again) == 2
    assert cli.main([*again, str(tmp_path / "moved-sketch.png"), str(tmp_path / "moved-reference.png")]) == 0
    assert (out / "b.png").exists()


def test_from_png_refuses_what_differs(
    inputs: Path, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    sketch = draw_sketch(tmp_path / "sketch.png", shift=3)
    assert cli.main(arguments(inputs, out / "a.png", sketch=sketch)) == 0
    again = ["colorize", "--from-png", str(out / "a.png"), "-o", str(out / "b.png"), "--quiet"]
    assert cli.main([*again, "--steps", "3"]) == 2
    assert "--steps" in error_of(capsys)
    other = write_checkpoint(tmp_path / "other.safetensors", with_reference_encoder=False)
    assert cli.main([*again, "--checkpoint", str(other)]) == 2
    assert "not the file" in error_of(capsys)
    draw_sketch(sketch, shift=5)
    assert cli.main(again) == 2
    assert "not the file" in error_of(capsys)
    assert cli.main(["colorize", "--from-png", str(sketch), "-o", str(out / "b.png")]) == 2
    assert "no settings" in error_of(capsys)
    assert os.listdir(out) == ["a.png"]


def test_a_finished_picture_is_kept_and_another_one_is_not_written_over(
    inputs: Path, out: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(arguments(inputs, out / "a.png")) == 0
    made = (out / "a.png").stat().st_mtime_ns
    assert cli.main(arguments(inputs, out / "a.png")) == 0
    assert (out / "a.png").stat().st_mtime_ns == made
    assert cli.main(arguments(inputs, out / "a.png", "--seed", "1")) == 2
    assert "--force" in error_of(capsys)
    assert cli.main(arguments(inputs, out / "a.png", "--seed", "1", "--force")) == 0
    assert read_record(out / "a.png").settings.seed == 1


def test_every_setting_has_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["colorize", "--help"])
    text = capsys.readouterr().out
    assert stop.value.code == 0
    for item in fields(Settings):
        name = "size" if item.name in options.SIZE_FIELDS else item.name.replace("_", "-")
        assert f"--{name} " in text, item.name
    said = " ".join(text.split())
    assert "; ;" not in said and "default: True" not in said
    assert "true, false; default: true" in said and "hair\"; empty = not said; default: none" in said
    assert f"{', '.join(list(EXTRACTORS)[:3])}; default: none" in said


@pytest.mark.parametrize("typed", ["random", "RANDOM", " Random "])
def test_a_seed_is_drawn_however_random_is_written(typed: str) -> None:
    command = argparse.ArgumentParser()
    options.add_setting_options(command)
    args = command.parse_args(["a", "b", "-o", "c.png", "--seed", typed])
    assert options.seed_is_drawn(args) and 0 <= options.settings_of(args).seed <= MAX_SEED


def test_each_picture_is_decoded_once(inputs: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    real = Image.open

    def count(stream: object, *more: object, **options: object) -> Image.Image:
        opened.append(Path(str(getattr(stream, "name", stream))).name)
        return real(stream, *more, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Image, "open", count)
    assert cli.main(arguments(inputs, out / "a.png", "--batch", "2")) == 0
    assert sorted(opened) == ["reference.png", "sketch.png"]
    opened.clear()
    assert cli.main(["colorize", "--from-png", str(out / "a-1.png"), "-o", str(out / "b.png"), "--quiet"]) == 0
    assert sorted(opened) == ["reference.png", "sketch.png"]  # of a-1 only the record is read
    folder = out / "sketches"
    folder.mkdir()
    for i in range(3):
        draw_sketch(folder / f"{i}.png", shift=i)
    (out / "coloured").mkdir()
    opened.clear()
    assert cli.main(arguments(inputs, out / "coloured", sketch=folder)) == 0
    assert sorted(opened) == ["0.png", "1.png", "2.png", "reference.png"]


@pytest.mark.parametrize("encoding", ("cp1252", "ascii"))
def test_a_console_without_the_letters_of_a_path_shows_their_numbers(
    encoding: str, inputs: Path, out: Path, tmp_path: Path,
) -> None:
    sketch = draw_sketch(tmp_path / "\u3042.png")
    for output, code in ((out / "o\u3042.png", 0), (tmp_path / "\u4e2d" / "o.png", 2)):  # a result, and an error
        command = [sys.executable, "-B", "-m", "lib_colorize", *arguments(inputs, output, sketch=sketch)]
        command.remove("--quiet")
        run = subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONIOENCODING": encoding}, capture_output=True,
                             check=False)
        assert run.returncode == code and b"Traceback" not in run.stderr, run.stderr
        assert (rb"o\u3042.png" in run.stdout) if code == 0 else (rb"\u4e2d" in run.stderr)
    assert os.listdir(out) == ["o\u3042.png"]


# bad input -----------------------------------------------------------------------------------------------------------


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _text(path: Path) -> None:
    path.write_text("not a picture at all, but long enough to have been one")


def _truncated(path: Path) -> None:
    whole = draw_sketch(path).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def _giant(path: Path) -> None:
    """A PNG header that promises 50,000 x 50,000 pixels."""
    import struct
    import zlib

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b""))


def _dot(path: Path) -> None:
    Image.new("RGB", (1, 1)).save(path)


def _white(path: Path) -> None:
    Image.new("RGB", (64, 64), "white").save(path)


BAD_PICTURES = {"empty": _empty, "text": _text, "truncated": _truncated, "giant": _giant, "dot": _dot, "white": _white,
                "missing": lambda path: None, "folder as reference": lambda path: path.mkdir()}


@pytest.mark.parametrize("kind", [name for name in BAD_PICTURES if "folder" not in name])
def test_a_bad_sketch_is_one_line(
    kind: str, inputs: Path, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    BAD_PICTURES[kind](tmp_path / "bad.png")
    assert cli.main(arguments(inputs, out / "a.png", sketch=tmp_path / "bad.png")) == 2
    assert ("bad.png" if kind != "white" else "no lines") in error_of(capsys)
    assert os.listdir(out) == []


@pytest.mark.parametrize("kind", [name for name in BAD_PICTURES if name != "white"])
def test_a_bad_reference_is_one_line(
    kind: str, inputs: Path, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    BAD_PICTURES[kind](tmp_path / "bad.png")
    command = arguments(inputs, out / "a.png")
    command[2] = str(tmp_path / "bad.png")
    assert cli.main(command) == 2
    assert "bad.png" in error_of(capsys)
    assert os.listdir(out) == []


class Code:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch pickle-code-was-run",)


def _plain_sd(path: Path, model: Path) -> None:
    save_file({k: v for k, v in load_file(model).items() if not k.startswith("control_encoder.")}, path)


def _cut(path: Path, model: Path) -> None:
    path.write_bytes(model.read_bytes()[:-1000])


def _pickle(path: Path, model: Path) -> None:
    path.write_bytes(pickle.dumps({"state_dict": Code()}))


def _torch_pickle(path: Path, model: Path) -> None:
    torch.save({"state_dict": {"a": Code()}}, path)


def _misshapen(path: Path, model: Path) -> None:
    from safetensors import safe_open

    with safe_open(model, "pt") as file:
        metadata = file.metadata()
    save_file({**load_file(model), "control_encoder.model.0.weight": torch.zeros(16, 3, 5, 5)}, path, metadata)


@pytest.mark.parametrize("spoil", (_plain_sd, _cut, _pickle, _torch_pickle, _misshapen))
def test_a_bad_checkpoint_is_one_line(
    spoil: object, inputs: Path, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    spoil(tmp_path / "bad.ckpt", inputs / "model.safetensors")  # type: ignore[operator]
    assert cli.main(arguments(inputs, out / "a.png", "--checkpoint", str(tmp_path / "bad.ckpt"))) == 2
    assert "bad.ckpt" in error_of(capsys)
    assert os.listdir(out) == [] and not (tmp_path / "pickle-code-was-run").exists()


@pytest.mark.parametrize("more", (
    ("--steps", "0"), ("--steps", "x"), ("--reference-guidance", "nan"), ("--batch", "1000"), ("--seed", "-1"),
    ("--size", "64"), ("--size", "64x"), ("--size", "64x9999"), ("--sampler", "PLMS"), ("--scheduler", "Beta"),
    ("--extractor", "nothing"), ("--polarity", "red"), ("--block-strengths", "1 2 3"), ("--device", "toaster"),
    ("--dtype", "int8"), ("--prediction", "x0"), ("--prediction", "eps"), ("--unknown", "1"), ("third.png",),
    ("--guidance-start", "0.9", "--guidance-end", "0.1"), ("--checkpoint", "none.safetensors"),
    ("--reference-encoder", "none.safetensors"),
))
def test_a_bad_option_is_one_line(
    more: tuple[str, ...], inputs: Path, out: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(arguments(inputs, out / "a.png", *more)) == 2
    error_of(capsys)
    assert os.listdir(out) == []


@pytest.mark.parametrize("output", ("none/a.png", "a.gif", "", "a" * 300 + ".png", ".png", "a.png.", "folder.png",
                                     "../inputs-copy/sketch.png"))
def test_a_bad_output_is_one_line_before_any_work(
    output: str, inputs: Path, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copy = tmp_path / "inputs-copy"
    copy.mkdir()
    (out / "folder.png").mkdir()
    sketch = draw_sketch(copy / "sketch.png")
    before = sketch.read_bytes()
    monkeypatch.setattr(colorize, "make_job", lambda *_: pytest.fail("the engine was loaded"))
    assert cli.main(arguments(inputs, out / output, "--force", sketch=sketch)) == 2
    error_of(capsys)
    assert os.listdir(out) == ["folder.png"] and sketch.read_bytes() == before


def test_a_folder_that_takes_no_file_is_told_before_any_work(
    inputs: Path, out: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(colorize, "make_job", lambda *_: pytest.fail("the engine was loaded"))
    for output in (Path("/proc/a.png"), Path("/proc")):  # nobody makes a file there, root neither
        assert cli.main(arguments(inputs, output, sketch=inputs if output.suffix == "" else None)) == 2
        assert "no file can be written there" in error_of(capsys)


@pytest.mark.parametrize("option", ("--checkpoint", "--reference-encoder", "--from-png", "-o", "--device"))
@pytest.mark.parametrize("name", ("", " "))
def test_an_empty_name_is_an_error_and_no_default(
    option: str, name: str, inputs: Path, out: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main([*arguments(inputs, out / "a.png"), option, name]) == 2
    assert "found" in error_of(capsys) and os.listdir(out) == []
    for command in (["colorize", name, str(inputs / "reference.png"), "-o", str(out / "a.png")], ["inspect", name],
                    ["convert", name, "b"], ["demo", "--checkpoint", name], ["preview", name, "-o", "a.png"]):
        assert cli.main(command) == 2
        assert "an empty name" in error_of(capsys)


@pytest.mark.parametrize("argv", ([], ["paint"], ["colorize"], ["colorize", "-o", "a.png"], ["inspect"],
                                  ["inspect", "none.safetensors"], ["convert", "none.safetensors", "out.safetensors"],
                                  ["bench", "--pixels", "100"], ["colorize", "a.png", "-o", "b.png"]))
def test_a_bad_command_is_one_line(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(argv) == 2
    error_of(capsys)


def test_a_missing_shipped_checkpoint_is_named(
    inputs: Path, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loading, "DEFAULT_CHECKPOINT", tmp_path / "colorize-small.safetensors")
    command = arguments(inputs, out / "a.png")
    del command[command.index("--checkpoint"):][:2]
    position = command.index("--checkpoint")
    assert cli.main(command[:position] + command[position + 2:]) == 2
    assert "colorize-small.safetensors" in error_of(capsys)


# processes -----------------------------------------------------------------------------------------------------------


def process(argv: list[str], limit: int | None = None) -> subprocess.Popen[str]:
    def prepare() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a test run in the background hands on "ignore"
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.Popen([sys.executable, "-B", "-m", "lib_colorize", *argv], cwd=ROOT, text=True,
                            preexec_fn=prepare,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_a_disk_that_fills_up_leaves_nothing(inputs: Path, out: Path) -> None:
    """A limit on the size of files stands for the full disk: the system refuses in the middle of the write."""
    run = process(arguments(inputs, out / "a.png"), limit=500)
    _, errors = run.communicate(timeout=120)
    assert run.returncode == 2 and "not written" in errors and errors.count("\n") == 1, errors
    assert os.listdir(out) == []


def test_ctrl_c_in_the_middle_leaves_nothing(inputs: Path, out: Path) -> None:
    command = arguments(inputs, out / "a.png", "--steps", "150", "--sampler", "DPM++ SDE", "--batch", "64")
    command.remove("--quiet")
    run = process(command)
    assert run.stderr is not None
    shown = ""
    while "/9600" not in shown:  # the bar with its total: sampling has begun
        shown += run.stderr.read(1)
        assert run.poll() is None, shown
    time.sleep(0.2)
    run.send_signal(signal.SIGINT)
    _, errors = run.communicate(timeout=60)
    assert run.returncode == 130 and "Traceback" not in errors, errors
    assert os.listdir(out) == []


def test_help_needs_no_torch() -> None:
    code = "import sys; from lib_colorize.cli import commands; commands.parser(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


# other commands ------------------------------------------------------------------------------------------------------


def test_inspect_and_convert(inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = inputs / "model.safetensors", tmp_path / "half.safetensors"
    assert cli.main(["inspect", str(source)]) == 0
    text = capsys.readouterr().out
    assert "told by metadata" in text and "fp32" in text
    assert cli.main(["convert", str(source), str(target), "--dtype", "fp16", "--projections", "linear"]) == 0
    assert "fp16" in capsys.readouterr().out
    assert load_file(target)["model.diffusion_model.middle_block.1.proj_in.weight"].shape == (128, 128)
    assert cli.main(["convert", str(source), str(target)]) == 2
    error_of(capsys)
    assert cli.main(["convert", str(source), str(target), "--force"]) == 0


def test_a_converted_checkpoint_colours_too(inputs: Path, out: Path, tmp_path: Path) -> None:
    target = tmp_path / "half.safetensors"
    convert = ["convert", str(inputs / "model.safetensors"), str(target), "--dtype", "fp16", "--projections", "linear"]
    assert cli.main(convert) == 0
    assert cli.main(arguments(inputs, out / "full.png")) == 0
    assert cli.main(arguments(inputs, out / "half.png", "--checkpoint", str(target))) == 0
    full, half = (np.asarray(Image.open(out / name)).astype(int) for name in ("full.png", "half.png"))
    assert 0 < np.abs(full - half).max() < 40


def test_bench_prints_every_figure(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "--network", "tiny", "--pixels", "64", "--repeats", "1"]) == 0
    text = capsys.readouterr().out
    for name in ("plain step, 2 rows", "our step, 2 rows", "our step, 3 rows", "set-up", "reference encoder",
                 "peak memory"):
        assert name in text


def test_the_text_in_a_png_holds_no_absolute_path(inputs: Path, out: Path) -> None:
    assert cli.main(arguments(inputs, out / "a.png")) == 0
    assert str(inputs) not in Image.open(out / "a.png").info[KEY]
